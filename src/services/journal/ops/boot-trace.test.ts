// The 29 steps as a person reads them: complete for a good boot, and honest about every other one.
import { describe, expect, it } from 'vitest'
import type { JournalEvent } from '#kit/journal/journal.ts'
import { bootPhases } from '../resources/boot-step.ts'
import { type BootTrace, bootTrace } from './boot-trace.ts'
import { sampleBoot } from './test-boot.ts'

const server = { id: 's1', name: 'hello' }
const stepsOf = (trace: BootTrace) => trace.phases.flatMap((phase) => phase.steps)
const numbers = (trace: BootTrace, holds: (step: ReturnType<typeof stepsOf>[number]) => unknown) =>
  stepsOf(trace)
    .filter(holds)
    .map((step) => step.number)
const stepOf = (trace: BootTrace, number: number) => stepsOf(trace)[number - 1]!

describe('the trace of a good boot', () => {
  it('has all 29 steps under their four phases, in order, none missing', async () => {
    const trace = bootTrace(await sampleBoot(), server)
    expect(trace.server).toEqual(server)
    expect(trace.phases.map((phase) => [phase.name, phase.steps.length])).toEqual([
      ['Keystone authentication', 2],
      ['Inside Nova', 17],
      ['Nova with other components', 9],
      ['Execution', 1],
    ])
    expect(numbers(trace, () => true)).toEqual(Array.from({ length: 29 }, (_, at) => at + 1))
    expect(numbers(trace, (step) => step.missing || step.skipped || step.outcome !== 'ok')).toEqual([])
    const starts = stepsOf(trace).map((step) => step.startMs!)
    expect(starts[0]).toBe(0)
    expect(starts.slice(3)).toEqual([...starts.slice(3)].sort((a, b) => a - b))
  })

  it('gives each step its service, kind and id', async () => {
    const trace = bootTrace(await sampleBoot(), server)
    expect(stepOf(trace, 3)).toMatchObject({ service: 'nova-api', kind: 'REST', id: 'req-2' })
    expect(stepOf(trace, 8)).toMatchObject({ service: 'nova-conductor', kind: 'RPC call', id: 'message-1' })
    expect(stepOf(trace, 12)).toMatchObject({ service: 'nova-conductor', kind: 'RPC cast', id: 'message-2' })
    expect(stepOf(trace, 17)).toMatchObject({ service: 'nova-conductor', kind: 'DB' })
    // The id of the request by which glance answered.
    expect(stepOf(trace, 20)).toMatchObject({
      service: 'nova-compute',
      kind: 'REST',
      id: expect.stringMatching(/^req-/),
    })
    expect(stepOf(trace, 29)).toMatchObject({ service: 'nova-compute', kind: 'driver', durationMs: 6 })
  })

  it('shows the newer parts under the steps that they belong to', async () => {
    const trace = bootTrace(await sampleBoot(), server)
    const titles = (number: number) => stepOf(trace, number).substeps.map((step) => step.title)
    expect(titles(8)).toEqual(['the conductor takes the task: select'])
    expect(titles(10)).toEqual(['placement names candidates'])
    expect(titles(11)).toEqual(['placement takes the claim'])
    expect(titles(12)).toEqual(['the conductor prepares: ports', 'the conductor prepares: build'])
    expect(titles(29)).toEqual([
      'the driver: disk.create',
      'the driver: guest.start',
      'the conductor settles: settle',
    ])
  })

  it('does not mind the order in which events come', async () => {
    const events = await sampleBoot()
    expect(bootTrace([...events].reverse(), server)).toEqual(bootTrace(events, server))
  })
})

describe('a step that nobody recorded', () => {
  const decisive = bootPhases.flatMap((phase) => phase.steps)
  it.each(decisive.map((step) => [step.number, step] as const))(
    'shows step %i as missing',
    async (number, step) => {
      const fits = (event: JournalEvent) =>
        step.services.includes(event.service) && step.kinds.includes(event.kind) && step.name.test(event.name)
      const events = (await sampleBoot()).filter((event) => !fits(event))
      const trace = bootTrace(events, server)
      expect(stepOf(trace, number)).toMatchObject({ missing: true })
      expect(stepOf(trace, number).startMs).toBeUndefined()
      expect(stepOf(trace, number).kind).not.toBe('')
    },
  )

  it('is all there is to say of a server that never was', () => {
    const trace = bootTrace([], server)
    expect(numbers(trace, (step) => step.missing)).toHaveLength(29)
  })

  it('counts placement among what must not be missing', async () => {
    const events = (await sampleBoot()).filter((event) => event.name !== 'PUT /allocations/:id')
    expect(stepOf(bootTrace(events, server), 11).substeps).toMatchObject([{ missing: true }])
  })

  it('is not made up from the same words elsewhere in the trace', async () => {
    // glance validates a token for nova-api too, before the host asks it.
    const events = await sampleBoot()
    const asked = stepOf(bootTrace(events, server), 20)
    const trace = bootTrace(
      events.filter(
        (event) => !(event.service === 'nova-compute' && event.name.startsWith('GET /v2/images')),
      ),
      server,
    )
    expect(asked.missing).toBeUndefined()
    expect(numbers(trace, (step) => step.missing)).toEqual([20, 21])
  })
})

describe('a boot with less to do', () => {
  it('skips the volume where there is none, and says why', async () => {
    const trace = bootTrace(await sampleBoot({ volumes: false }), server)
    expect(numbers(trace, (step) => step.skipped === 'the server has no volumes')).toEqual([26, 27, 28])
    expect(numbers(trace, (step) => step.missing)).toEqual([])
  })

  it('says where an answer of keystone was kept from before', async () => {
    const trace = bootTrace(await sampleBoot({ cached: true }), server)
    expect(stepOf(trace, 5).skipped).toBe('nova-api had the answer from an earlier request')
    for (const number of [4, 21, 24, 27])
      expect(stepOf(trace, number)).toMatchObject({ outcome: 'ok', note: 'answered from an earlier request' })
    expect(numbers(trace, (step) => step.missing)).toEqual([])
  })

  it('does not count the age of the token into the boot', async () => {
    const trace = bootTrace(await sampleBoot({ tokenAgeMs: 3_600_000 }), server)
    expect(stepOf(trace, 1)).toMatchObject({ outcome: 'ok', note: '3600 s before the boot' })
    expect(stepOf(trace, 1).startMs).toBeUndefined()
    expect(stepOf(trace, 3).startMs).toBe(0)
  })
})

describe('a boot that goes wrong', () => {
  it('names the step that failed', async () => {
    const events = (await sampleBoot({ failures: 1 })).filter((event) => event.at < attemptEnd)
    const trace = bootTrace(events, server)
    expect(stepOf(trace, 29)).toMatchObject({ outcome: 'error', error: 'QEMU ended: out of memory' })
    expect(numbers(trace, (step) => step.outcome === 'error')).toContain(29)
  })

  it('shows the last try where another host took it', async () => {
    const events = await sampleBoot({ failures: 2 })
    const trace = bootTrace(events, server)
    expect(numbers(trace, (step) => step.outcome === 'error')).toEqual([])
    const created = events.filter((event) => event.name === 'virt.create')
    const started = events.find((event) => event.name === 'POST /v3/auth/tokens')!
    expect(stepOf(trace, 29).startMs).toBe(created.at(-1)!.at - started.at)
  })

  it('takes the failure of a part for that of its step', async () => {
    const events = (await sampleBoot()).map((event) =>
      event.name === 'server-create.ports'
        ? { ...event, outcome: 'error' as const, error: 'no free address' }
        : event,
    )
    const cut = events.filter((event) => event.name !== 'compute.build')
    expect(stepOf(bootTrace(cut, server), 12)).toMatchObject({
      missing: true,
      outcome: 'error',
      error: 'no free address',
    })
  })
})

describe('other servers', () => {
  it('of the same request do not get mixed up', async () => {
    const events = await sampleBoot({ also: 's2' })
    const trace = bootTrace(events, server)
    expect(numbers(trace, (step) => step.missing || step.outcome !== 'ok')).toEqual([])
    const alone = bootTrace(await sampleBoot(), server)
    const shape = (of: BootTrace) =>
      stepsOf(of).map((step) => [step.number, step.service, step.substeps.length])
    expect(shape(trace)).toEqual(shape(alone))
    expect(stepOf(bootTrace(events, { id: 's2' }), 29).error).toBe('QEMU ended: out of memory')
  })
})

/** When the first of two tries is over. */
const attemptEnd = await sampleBoot({ failures: 1 }).then((events) => {
  const first = events.find((event) => event.name === 'virt.create')!
  return first.at + 0.5
})

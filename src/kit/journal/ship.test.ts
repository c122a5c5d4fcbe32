// An agent's events reach the controller whatever stops in between: the controller, the agent, the disk.
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '../log/log.ts'
import { virtualWorld } from '../world/virtual.ts'
import type { JournalEvent } from './journal.ts'
import { memorySink } from './memory-sink.ts'
import { shipAll, startShipping } from './ship.ts'
import { fileSpoolSink, type SpoolLimits } from './spool-sink.ts'
import { openJournal } from './store.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nimbo-spool-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const world = virtualWorld()

async function agent(limits?: SpoolLimits) {
  const sink = await fileSpoolSink(world, silentLog, folder, limits)
  const journal = openJournal({ world, log: silentLog, host: 'node2', service: 'nova-compute', sink })
  return {
    async record(...names: string[]) {
      for (const name of names) journal.record(journal.newTrace(), { kind: 'driver', name })
      await journal.flush()
    },
  }
}

function controller() {
  const store = memorySink()
  const state = { up: true, sent: 0, acknowledge: true }
  const send = async (events: JournalEvent[]) => {
    if (!state.up) throw new Error('nobody there')
    await store.append(events)
    state.sent += events.length
    if (!state.acknowledge) throw new Error('the connection broke after it arrived')
  }
  return {
    state,
    ship: () => shipAll({ world, log: silentLog, folder, send }),
    send,
    names: () => store.events.map((event) => event.name),
  }
}

const files = () => readdirSync(folder).filter((name) => name.endsWith('.jsonl'))

describe('shipping', () => {
  it('sends each event once, in order', async () => {
    const [{ record }, { ship, names, state }] = [await agent(), controller()]
    await record('a', 'b')
    await ship()
    await record('c')
    await ship()
    await ship()
    expect(names()).toEqual(['a', 'b', 'c'])
    expect(state.sent).toBe(3)
  })

  it('sends later what could not be sent, without loss or repeats in the store', async () => {
    const [{ record }, { ship, names, state }] = [await agent(), controller()]
    state.up = false
    await record('a')
    await expect(ship()).rejects.toThrow('nobody there')
    await record('b')
    state.up = true
    state.acknowledge = false
    await expect(ship()).rejects.toThrow('broke')
    state.acknowledge = true
    await ship()
    expect(names()).toEqual(['a', 'b'])
  })

  it('goes on over a restart of the agent and a line cut by it', async () => {
    const { ship, names } = controller()
    await (await agent()).record('a')
    await ship()
    appendFileSync(join(folder, files().at(-1)!), '{"id":"cut off')
    await (await agent()).record('b')
    await ship()
    expect(names()).toEqual(['a', 'b'])
    expect(files()).toHaveLength(1)
  })

  it('leaves out a broken line and sends those around it', async () => {
    const { ship, names } = controller()
    const { record } = await agent()
    await record('a')
    appendFileSync(join(folder, files().at(-1)!), 'not json\n')
    await record('b')
    await ship()
    expect(names()).toEqual(['a', 'b'])
  })

  it('removes files when they are sent, and keeps no more than it may', async () => {
    const { ship, names } = controller()
    const { record } = await agent({ fileBytes: 1, maxFiles: 3 })
    for (const name of ['a', 'b', 'c', 'd', 'e']) await record(name)
    expect(files()).toHaveLength(3)
    await ship()
    expect(names()).toEqual(['c', 'd', 'e'])
    expect(files()).toHaveLength(1)
  })

  it('takes events larger than a batch', async () => {
    const { ship, names } = controller()
    const { record } = await agent()
    const long = 'x'.repeat(700_000)
    await record('a', long, 'b')
    await ship()
    expect(names()).toEqual(['a', long, 'b'])
  })

  it('runs by itself', async () => {
    const own = virtualWorld()
    const { send, names } = controller()
    await (await agent()).record('a')
    const sink = await fileSpoolSink(own, silentLog, folder)
    const journal = openJournal({ world: own, log: silentLog, host: 'node2', service: 'x', sink })
    const running = startShipping({ world: own, log: silentLog, folder, send, sink })
    await own.advance(300)
    expect(names()).toEqual(['a'])
    journal.record(journal.newTrace(), { kind: 'decision', name: 'b' })
    await journal.flush()
    await own.advance(400)
    await running.stop()
    expect(names()).toEqual(['a', 'b'])
  })
})

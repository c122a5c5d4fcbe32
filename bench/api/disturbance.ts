// What some work of a cloud costs others meanwhile: the time of their requests, and memory. Beside them stands what the machine
// makes of it: how long an idle server in a process of its own takes to answer, and how long requests take that were under way
// at no moment when the host of this virtual machine held it up.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Figure } from '../figure.ts'
import type { BenchCloud } from './cloud.ts'
import { machineTimeOf, processors } from './machine.ts'
import type { Probe, ProberWord, ProbeTimes } from './prober.ts'
import type { Halt } from './witness.ts'

const mib = 1024 * 1024
const memoryEveryMs = 100
const witnessName = 'an idle server'

export type Watch = {
  /** Figures named by `what`; `goal` is milliseconds, of the 99th percentile of the cloud's requests. */
  during(what: string, goal: number | undefined, work: () => Promise<unknown>): Promise<Figure[]>
  close(): void
}

/** Asks each of `probes` all the while, by its name. */
export async function watchOthers(cloud: BenchCloud, probes: Record<string, Probe>): Promise<Watch> {
  const [witness, port] = await started('witness.ts')
  const all = { ...probes, [witnessName]: { url: `http://127.0.0.1:${port}/`, headers: {}, everyMs: 10 } }
  const probers: [name: string, process: ChildProcess][] = []
  for (const [name, probe] of Object.entries(all))
    probers.push([name, (await started('prober.ts', JSON.stringify(probe)))[0]])
  const tell = (word: ProberWord) => {
    for (const [, prober] of probers) prober.send(word)
    witness.send(word)
  }

  return {
    async during(what, goal, work) {
      const before = await cloud.memory()
      let most = before
      const sample = () => void cloud.memory().then((now) => (most = Math.max(most, now)))
      const sampling = setInterval(sample, memoryEveryMs)
      const answers = probers.map(
        async ([name, prober]) => [name, (await once(prober, 'message'))[0] as ProbeTimes] as const,
      )
      const halting = once(witness, 'message') as Promise<[Halt[]]>
      tell('start')
      const { stolen } = await machineTimeOf(cloud.world, work)
      tell('stop')
      clearInterval(sampling)
      const [halts] = await halting
      const figures: Figure[] = []
      for (const [name, times] of await Promise.all(answers)) {
        const undisturbed = times.filter(
          ([due, took]) => !halts.some(({ from, to }) => due < to && due + took > from),
        )
        const add = (share: number, of: ProbeTimes, more: string, wanted?: number) =>
          figures.push({
            name: `p${share} of ${name} ${what}${more}`,
            unit: 'ms',
            goal: wanted,
            better: 'less',
            ours: quantile(of, share / 100),
          })
        add(95, times, '')
        add(99, times, '', name === witnessName ? undefined : goal)
        if (undisturbed.length < times.length) add(99, undisturbed, ', the halts left out')
      }
      return [
        ...figures,
        {
          name: `halts by the machine's own host ${what}`,
          unit: 's',
          better: 'less',
          ours: stolen / processors,
        },
        { name: `memory that was added ${what}`, unit: 'MiB', better: 'less', ours: (most - before) / mib },
      ]
    },
    close() {
      for (const [, prober] of probers) prober.disconnect()
      witness.disconnect()
    },
  }
}

/** A process of this folder, and its first word. */
async function started(file: string, ...args: string[]): Promise<[ChildProcess, unknown]> {
  const child = fork(join(import.meta.dirname, file), args)
  return [child, (await once(child, 'message'))[0]]
}

function quantile(times: ProbeTimes, share: number): number {
  const sorted = times.map(([, took]) => took).sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length * share)]!
}

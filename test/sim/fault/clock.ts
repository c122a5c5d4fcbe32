// The clock of one machine jumps, forward or back, and is set right again later: NTP after a long drift, a person, a leap.
import { duration, type Fault, oneOf, seconds } from './fault.ts'

export const clockJump: Fault = (cloud, random) => {
  const machine = oneOf(random, [...cloud.hosts.map(({ name }) => name), 'controller', 'bus', 'clients'])
  const far = duration(random, 50, 300_000)
  const ms = random.int(0, 2) === 0 ? far : -far
  const lastsMs = duration(random, 1_000, 120_000)
  const place = cloud.universe.machine(machine)
  place.skew(ms)
  return {
    words: `the clock of ${machine} is ${ms} ms off for ${seconds(lastsMs)}`,
    lastsMs,
    end: () => place.skew(0),
  }
}

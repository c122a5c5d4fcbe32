// What a network does between two machines: cut for a while, slow, or each connection broken again and again, so that
// requests are lost before they were done and answers after.
import type { Random } from '#kit/world/world.ts'
import type { SimCloud } from '../cloud.ts'
import { duration, type Fault, oneOf, seconds } from './fault.ts'

/** Those that talk to each other. */
function pair(cloud: SimCloud, random: Random): [string, string] {
  const hosts = cloud.hosts.map(({ name }) => name)
  return oneOf(random, [
    ['clients', 'controller'],
    ['controller', 'bus'],
    ...hosts.map((host) => [host, 'controller']),
    ...hosts.map((host) => [host, 'bus']),
  ] as [string, string][])
}

export const partition: Fault = (cloud, random) => {
  const [a, b] = pair(cloud, random)
  const lastsMs = duration(random, 100, 120_000)
  const end = cloud.links.cut(a, b)
  return { words: `no way between ${a} and ${b} for ${seconds(lastsMs)}`, lastsMs, end }
}

export const isolation: Fault = (cloud, random) => {
  const machine = oneOf(random, [...cloud.hosts.map(({ name }) => name), 'controller', 'bus'])
  const lastsMs = duration(random, 100, 60_000)
  const end = cloud.links.isolate(machine)
  return { words: `${machine} is cut off from all for ${seconds(lastsMs)}`, lastsMs, end }
}

export const slowLink: Fault = (cloud, random) => {
  const [a, b] = pair(cloud, random)
  const lastsMs = duration(random, 1_000, 60_000)
  const maxMs = duration(random, 20, 4_000)
  const end = cloud.links.slow(a, b, { minMs: maxMs / 10, maxMs })
  return { words: `up to ${maxMs} ms between ${a} and ${b} for ${seconds(lastsMs)}`, lastsMs, end }
}

/** Whatever is under way is lost, over and over. Deliveries that were not acknowledged come again. */
export const brokenConnections: Fault = (cloud, random) => {
  const [a, b] = pair(cloud, random)
  const times = duration(random, 1, 20)
  const gapMs = duration(random, 20, 2_000)
  let cancel = () => {}
  const again = (left: number) => {
    cloud.universe.network.breakConnections(a, b)
    if (left > 1) cancel = cloud.universe.after(gapMs, () => again(left - 1))
  }
  again(times)
  return {
    words: `connections between ${a} and ${b} break ${times} times, each ${gapMs} ms`,
    lastsMs: times * gapMs,
    end: () => cancel(),
  }
}

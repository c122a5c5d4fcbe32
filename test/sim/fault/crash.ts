// A process is killed and started again by its supervisor: at a moment by chance, or in one of the small windows: at its
// n-th statement, file operation, bytes sent, or, of an agent, call to a driver.
import type { Random } from '#kit/world/world.ts'
import type { SimCloud, SimHost } from '../cloud.ts'
import type { Role } from '../role.ts'
import { duration, type Fault, type Injected, oneOf } from './fault.ts'

/** A trap that nobody stepped into by then is taken away. */
const trapMs = 60_000
const farthest = 300

export const crashController: Fault = (cloud, random) => crash(cloud.controller, random)
export const crashBroker: Fault = (cloud, random) => crash(cloud.broker, random)
export const crashAgent: Fault = (cloud, random) => {
  const host = oneOf(random, cloud.hosts)
  return random.int(0, 3) === 0 ? crashAtDriver(host, random) : crash(host.agent, random)
}

function crash<Running>(role: Role<Running>, random: Random): Injected {
  const what = oneOf(random, ['now', 'statement', 'file', 'send'] as const)
  const { name, process } = role
  if (what === 'now' || !process) {
    role.kill('killed')
    return { words: `${name} is killed`, lastsMs: 0 }
  }
  const nth = duration(random, 1, farthest)
  const end = process.trap(what, nth, () => role.kill(`killed at a ${what}`))
  return { words: `${name} will be killed at its ${what} number ${nth} from now`, lastsMs: trapMs, end }
}

function crashAtDriver({ agent, gate, name }: SimHost, random: Random): Injected {
  const nth = duration(random, 1, 30)
  const when = oneOf(random, ['before', 'after'] as const)
  const end = gate.trap(nth, when, () => agent.kill(`killed ${when} a call to a driver`))
  return {
    words: `the agent of ${name} will be killed ${when} its call number ${nth} to a driver`,
    lastsMs: trapMs,
    end,
  }
}

/** Power comes back after a while; what was not synced is gone, guests too. */
export const losePower: Fault = (cloud: SimCloud, random) => {
  const machine = oneOf(random, [...cloud.hosts.map(({ name }) => name), 'controller', 'bus'])
  const lastsMs = duration(random, 500, 60_000)
  cloud.powerOff(machine)
  return { words: `${machine} loses its power`, lastsMs, end: () => cloud.powerOn(machine) }
}

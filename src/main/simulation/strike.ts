// What each kind of fault does to the simulated cloud, and how it is taken back.
import type { SimGuest } from '#drivers/virt/load.ts'
import type { SimFabric, WiringDriver } from '#drivers/wiring/load.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Ongoing } from '#services/simulation/app.ts'
import type { FaultWish } from '#services/simulation/resources/fault.ts'
import type { FaultKindName, FaultParameters } from '#services/simulation/resources/fault-kind.ts'
import type { SimulatedHost } from '../simulated-host.ts'

/** Of the cloud, what faults strike: its control plane ... */
export type ControlTarget = {
  stopController(): Promise<void>
  startController(): Promise<void>
  killBroker(): Promise<void>
  startBroker(): Promise<void>
}

/** ... and its hosts with their guests. */
export type HostTarget = {
  readonly hosts: ReadonlyMap<string, SimulatedHost>
  readonly fabric: SimFabric
}

export type Target = ControlTarget & {
  /** Where the hosts are. */
  strikeHosts(wish: FaultWish): Promise<Ongoing>
}

type ControlKind = 'broker' | 'controller'
type HostKind = Exclude<FaultKindName, ControlKind>
type At<K extends HostKind> = { target: HostTarget; parameters: FaultParameters<K> }
type Strikes = { [K in HostKind]: (at: At<K>) => Ongoing | Promise<Ongoing> }

/** At most one fault at a time holds each of these: 'agents:node3'. */
export type Held = Set<string>

export function striker(target: () => Target) {
  const held: Held = new Set()
  return async (wish: FaultWish): Promise<Ongoing> => {
    const { kind, parameters } = wish
    const key = heldBy(kind, parameters)
    if (key && held.has(key))
      throw new CloudError(
        'conflict',
        `Another fault holds ${key.replace(':', ' of ')} already: end that first.`,
      )
    if (key) held.add(key)
    try {
      const { subject, end } = await strike(target(), wish)
      if (!end) {
        if (key) held.delete(key)
        return { subject }
      }
      return {
        subject,
        async end() {
          await end()
          if (key) held.delete(key)
        },
      }
    } catch (error) {
      if (key) held.delete(key)
      throw error
    }
  }
}

function heldBy(kind: FaultKindName, parameters: FaultWish['parameters']): string | undefined {
  const { host, server } = parameters as { host?: string; server?: string }
  if (kind === 'agent' || kind === 'host-power') return `agents:${host}`
  if (kind === 'controller' || kind === 'broker') return `services:${kind}`
  return kind === 'guest-hang' || kind === 'guest-disk-full' || kind === 'guest-network'
    ? `${kind}:${server}`
    : undefined
}

async function strike(target: Target, wish: FaultWish): Promise<Ongoing> {
  if (wish.kind === 'broker') {
    await target.killBroker()
    return { subject: 'broker', end: () => target.startBroker() }
  }
  if (wish.kind === 'controller') {
    await target.stopController()
    return { subject: 'controller', end: () => target.startController() }
  }
  return target.strikeHosts(wish)
}

/** All kinds but those that strike the control plane. */
export async function strikeHosts(target: HostTarget, { kind, parameters }: FaultWish): Promise<Ongoing> {
  const strike = strikes[kind as HostKind] as (at: At<HostKind>) => Ongoing | Promise<Ongoing>
  return strike({ target, parameters } as At<HostKind>)
}

const strikes: Strikes = {
  'host-power'({ target, parameters }) {
    const host = hostNamed(target, parameters.host)
    host.powerOff()
    return {
      subject: `host:${host.name}`,
      async end() {
        host.powerOn()
        await host.startAgent()
      },
    }
  },
  agent({ target, parameters }) {
    const host = hostNamed(target, parameters.host)
    host.killAgent()
    return { subject: `host:${host.name}`, end: () => host.startAgent() }
  },
  'network-process': ({ target, parameters }) => networkProcess(target, parameters),
  'link-cut'({ target, parameters: { host, to } }) {
    const near = hostNamed(target, host)
    const subject = `link:${host}-${to}`
    const end =
      to === 'controller' ? near.door.link.cut() : target.fabric.cut(host, otherHost(target, host, to))
    return { subject, end: async () => end() }
  },
  'link-slow'({ target, parameters: { host, to, latencyMs, jitterMs = 0 } }) {
    const near = hostNamed(target, host)
    const subject = `link:${host}-${to}`
    const end =
      to === 'controller'
        ? near.door.link.slow({ latencyMs, jitterMs })
        : target.fabric.delay(host, otherHost(target, host, to), latencyMs)
    return { subject, end: async () => end() }
  },
  'disk-full'({ target, parameters }) {
    const { disk, drivers } = hostNamed(target, parameters.host).door
    // What guests and volumes lie on is this disk too.
    const error = () =>
      new CloudError('unavailable', `No space left on the disk of ${parameters.host}.`, { type: 'NoSpace' })
    const always = { nth: 1, times: Number.MAX_SAFE_INTEGER, effect: 'fail-before', error } as const
    const ends = [
      disk.fill(),
      drivers.add({ ...always, driver: 'virt', operation: 'create' }),
      drivers.add({ ...always, driver: 'volume', operation: 'create' }),
      drivers.add({ ...always, driver: 'volume', operation: 'extend' }),
    ]
    return {
      subject: `host:${parameters.host}`,
      async end() {
        for (const end of ends) end()
      },
    }
  },
  driver({ target, parameters }) {
    const { host, driver, operation, nth = 1, times = 1, effect = 'fail-before', latencyMs } = parameters
    const end = hostNamed(target, host).door.drivers.add({ driver, operation, nth, times, effect, latencyMs })
    return { subject: `host:${host}`, end: async () => end() }
  },
  'clock-skew'({ target, parameters: { host, skewMs } }) {
    const end = hostNamed(target, host).door.skew(skewMs)
    return { subject: `host:${host}`, end: async () => end() }
  },
  'guest-panic'({ target, parameters: { server } }) {
    guestOf(target, server).panic()
    return { subject: `server:${server}` }
  },
  'guest-hang': ({ target, parameters }) =>
    strikeGuest(target, parameters.server, (guest, on) => guest.hang(on)),
  'guest-disk-full': ({ target, parameters }) =>
    strikeGuest(target, parameters.server, (guest, on) => guest.fillDisk(on)),
  'guest-network': ({ target, parameters }) =>
    strikeGuest(target, parameters.server, (guest, on) => guest.refuseNetwork(on)),
}

function hostNamed({ hosts }: HostTarget, name: string): SimulatedHost {
  const host = hosts.get(name)
  if (!host)
    throw new CloudError(
      'notFound',
      `There is no host '${name}': the hosts are ${[...hosts.keys()].slice(0, 20).join(', ')}.`,
    )
  return host
}

function otherHost(target: HostTarget, host: string, to: string): string {
  if (to === host)
    throw new CloudError('badRequest', `fault.to: the way from ${host} to itself can't be broken.`)
  return hostNamed(target, to).name
}

function guestOf({ hosts }: HostTarget, server: string): SimGuest {
  for (const { machine } of hosts.values()) {
    const guest = machine.guest(server)
    if (guest) return guest
  }
  throw new CloudError('notFound', `No host has a guest of server ${server}.`)
}

/** A fault doesn't outlive the process that made it, nor is it part of a snapshot: guests, which do and are, are freed of it. */
export function freeGuests(hosts: HostTarget['hosts']): void {
  for (const { machine } of hosts.values())
    for (const guest of machine.guests.all()) {
      const { hung, diskFull, refusesNetwork } = guest.memory
      if (hung) guest.hang(false)
      if (diskFull) guest.fillDisk(false)
      if (refusesNetwork) guest.refuseNetwork(false)
    }
}

/** The guest may be gone in the end, or be somewhere else: it is looked for anew. */
function strikeGuest(
  target: HostTarget,
  server: string,
  strike: (guest: SimGuest, on: boolean) => void,
): Ongoing {
  strike(guestOf(target, server), true)
  return {
    subject: `server:${server}`,
    async end() {
      for (const { machine } of target.hosts.values()) {
        const guest = machine.guest(server)
        if (guest) strike(guest, false)
      }
    },
  }
}

/** Killed, and whoever starts it again before the end is refused. */
async function networkProcess(
  target: HostTarget,
  wish: FaultParameters<'network-process'>,
): Promise<Ongoing> {
  const hosts = wish.host === undefined ? [...target.hosts.values()] : [hostNamed(target, wish.host)]
  const ends: (() => void)[] = []
  for (const { door } of hosts) {
    const wiring = door.drivers.current('wiring') as WiringDriver | undefined
    const found = ((await wiring?.processes()) ?? []).filter(
      ({ namespace, command }) => namespace.endsWith(wish.network) && command[0]?.endsWith(wish.process),
    )
    if (found.length === 0) continue
    ends.push(
      door.drivers.add({
        driver: 'wiring',
        operation: 'startIn',
        nth: 1,
        times: Number.MAX_SAFE_INTEGER,
        effect: 'fail-before',
        matches: ([namespace, command]) =>
          String(namespace).endsWith(wish.network) && String(command).endsWith(wish.process),
        error: () =>
          new CloudError('unavailable', `${wish.process} can't be started: a fault keeps it from it.`),
      }),
    )
    for (const process of found) await wiring!.signal(process, 'SIGKILL')
  }
  if (ends.length === 0)
    throw new CloudError(
      'notFound',
      `No ${wish.process} of network ${wish.network} runs${wish.host ? ` on ${wish.host}` : ' on any host'}.`,
    )
  return {
    subject: `network:${wish.network}`,
    async end() {
      for (const end of ends) end()
    },
  }
}

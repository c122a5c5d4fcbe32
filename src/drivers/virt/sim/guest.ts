// One simulated guest: a state machine that boots, lives and ends on the machine's clock, whoever looks after it meanwhile.
// A guest that is up and left alone has no timer.
import type { Duplex } from 'node:stream'
import type { Card, CardGuest, CardNetwork } from '#contracts/simulated-card.ts'
import { asError, CloudError } from '#kit/errors/cloud-error.ts'
import { parseAddress } from '#kit/net/address.ts'
import { cidrHas, parseCidr } from '#kit/net/cidr.ts'
import type { World } from '#kit/world/world.ts'
import type { GuestEventKind, GuestNic, GuestSpec, PowerState } from '../driver.ts'
import { type GuestConsole, openConsole } from './console.ts'
import { type Lease, settingsOf } from './lease.ts'
import { askLater, bringUpCard, type Stage, stages } from './stage.ts'

/** What is kept of a guest beside its definition and its console. */
export type GuestMemory = {
  power: PowerState
  stage: Stage
  /** Milliseconds since the epoch. */
  poweredAt: number
  hostname?: string
  /** Until it has been acted on. */
  found?: { instanceId: string; userData?: string }
  /** The instance whose user data ran: it runs once. */
  ranFor?: string
  leases: Record<string, Lease>
  /** Ports beside ssh's that something in the guest listens on. */
  listens: number[]
  hung: boolean
  diskFull: boolean
  refusesNetwork: boolean
}

/** What may be asked of a guest, and done to it. */
export type SimGuest = {
  readonly id: string
  readonly power: PowerState
  readonly stage: Stage
  console(): string
  /** As after a bug in the guest's kernel: its process runs on, but nothing answers until it is reset. */
  panic(reason?: string): void
  /** Stands still, deaf to its power button and its network, until it is let go. */
  hang(on?: boolean): void
  fillDisk(on?: boolean): void
  /** Drops all that comes in over the network, and sends nothing. */
  refuseNetwork(on?: boolean): void
  /** Something in it listens on a TCP port from now on. */
  listen(port: number): void
  /** 'ok', or why no answer came back. */
  ping(address: string): Promise<string>
  /** Rejects with kind 'unavailable' and the reason. */
  connect(address: string, port: number): Promise<Duplex>
  addresses(): string[]
  end(how: 'poweroff' | 'crash'): void
}

export type GuestParts = {
  world: World
  network: CardNetwork | undefined
  /** Of a boot's usual time; 0 is at once. */
  pace: number
  emit(guest: Guest, kind: GuestEventKind, reason: string): void
  /** Its memory is to be kept. */
  changed(guest: Guest): void
  /** Its console has this more; nothing at all, where it was cleared. */
  wrote(guest: Guest, added: string | undefined): void
  /** A lease is to be renewed at this time of the clock. */
  renewAt(guest: Guest, at: number): void
}

/** One power-on until the power goes: what belongs to an earlier one does nothing any more. */
export type Life = {
  readonly guest: Guest
  readonly alive: boolean
  say(line: string): void
  /** Seconds since power on, as the kernel writes them before its lines. */
  kernel(line: string): void
  pause(ms: number, options?: { background?: boolean }): Promise<void>
  /** The answer, unless the power went meanwhile. */
  ask<T>(work: Promise<T>): Promise<T>
}

export const sshPort = 22
const haltMs = 1500

export class Guest implements SimGuest {
  spec: GuestSpec
  readonly memory: GuestMemory
  readonly screen: GuestConsole
  readonly cards = new Map<string, Card>()
  readonly parts: GuestParts
  #life = 0
  #offWhenUp = false
  #cancels = new Set<() => void>()
  #thawed: (() => void)[] = []
  #ended: (() => void)[] = []

  constructor(parts: GuestParts, spec: GuestSpec, kept?: { memory: GuestMemory; console: string }) {
    this.parts = parts
    this.spec = spec
    this.memory = kept?.memory ?? {
      power: 'building',
      stage: 'off',
      poweredAt: 0,
      leases: {},
      listens: [],
      hung: false,
      diskFull: false,
      refusesNetwork: false,
    }
    this.screen = openConsole(kept?.console ?? '', (added) => parts.wrote(this, added))
  }

  get id() {
    return this.spec.id
  }
  get power() {
    return this.memory.power
  }
  get stage() {
    return this.memory.stage
  }
  console() {
    return this.screen.text()
  }

  /** Power comes; a guest that has it already isn't touched. */
  start(): void {
    const { memory, parts } = this
    if (memory.power === 'running' || memory.power === 'paused') return
    Object.assign(memory, { power: 'running', stage: 'firmware', poweredAt: parts.world.clock.now() })
    Object.assign(memory, { leases: {}, listens: [], hung: false, refusesNetwork: false })
    this.#offWhenUp = false
    this.#insertCards()
    parts.changed(this)
    parts.emit(this, 'started', 'the guest was started')
    this.#run()
  }

  /** Goes on where it was when the machine's state was kept. */
  goOn(): void {
    if (this.power !== 'running' && this.power !== 'paused') return
    this.#insertCards()
    for (const [portId, lease] of Object.entries(this.memory.leases)) {
      this.cards.get(portId)?.configure(settingsOf(lease))
      if (lease.leaseS > 0) this.parts.renewAt(this, lease.renewAt)
    }
    this.#run()
    for (const nic of this.spec.nics)
      if (this.stage === 'up' && !this.memory.leases[nic.portId]?.address) void askLater(this.#lifeNow(), nic)
  }

  /** Power goes, whoever took it. */
  stop(kind: 'stopped' | 'crashed', reason: string): void {
    const { memory, parts } = this
    if (memory.power !== 'running' && memory.power !== 'paused') return
    this.#letGo()
    Object.assign(memory, { power: kind === 'stopped' ? 'shutdown' : 'crashed', stage: 'off', leases: {} })
    parts.changed(this)
    parts.emit(this, kind, reason)
    for (const tell of this.#ended.splice(0)) tell()
  }

  /** The machine has gone from under it: nothing is told, nobody listens. */
  vanish(): void {
    this.#letGo()
  }

  pause(): void {
    this.memory.power = 'paused'
    this.parts.changed(this)
    this.parts.emit(this, 'paused', 'the guest was paused')
  }
  resume(): void {
    this.memory.power = 'running'
    this.parts.changed(this)
    this.parts.emit(this, 'resumed', 'the guest was resumed')
    this.#thaw()
  }

  /** ACPI's power button: only a guest that is up and well listens to it. */
  pressPowerButton(): void {
    if (this.stage !== 'up' || this.#frozen()) return
    this.memory.stage = 'halting'
    this.parts.changed(this)
    this.#run()
  }
  /** As a program in it does. */
  powerOffWhenUp(): void {
    this.#offWhenUp = true
  }
  /** Resolves when the power has gone. */
  ended(): Promise<void> {
    if (this.power !== 'running' && this.power !== 'paused') return Promise.resolve()
    return new Promise((resolve) => this.#ended.push(resolve))
  }

  insertCard(nic: GuestNic): void {
    const { parts } = this
    if (!parts.network || this.cards.has(nic.portId)) return
    const { portId, mac, networkId } = nic
    this.cards.set(portId, parts.network.insert({ portId, mac, networkId }, this.#answers))
  }
  /** Into a guest that runs: it asks for a lease at once. */
  plugCard(nic: GuestNic): void {
    this.insertCard(nic)
    if (this.stage === 'up') void bringUpCard(this.#lifeNow(), nic)
  }
  removeCard(portId: string): void {
    this.cards.get(portId)?.remove()
    this.cards.delete(portId)
    delete this.memory.leases[portId]
    this.parts.changed(this)
  }

  /** A lease is about to end. */
  renew(): void {
    if (this.stage !== 'up') return
    const life = this.#lifeNow()
    const now = this.parts.world.clock.now()
    for (const nic of this.spec.nics) {
      const lease = this.memory.leases[nic.portId]
      if (lease && lease.renewAt <= now) void bringUpCard(life, nic)
    }
  }

  panic(reason = 'Attempted to kill init! exitcode=0x0000000b') {
    if (this.power !== 'running') return
    this.#cancelTimers()
    this.#life++
    this.screen.line(`[${this.#uptime()}] Kernel panic - not syncing: ${reason}`)
    this.screen.line(`[${this.#uptime()}] ---[ end Kernel panic - not syncing: ${reason} ]---`)
    this.memory.stage = 'panicked'
    this.parts.changed(this)
  }
  hang(on = true) {
    this.memory.hung = on
    this.parts.changed(this)
    if (!on) this.#thaw()
  }
  fillDisk(on = true) {
    this.memory.diskFull = on
    if (on && this.stage === 'up') this.screen.line('syslogd: write error: No space left on device')
    this.parts.changed(this)
  }
  refuseNetwork(on = true) {
    this.memory.refusesNetwork = on
    this.parts.changed(this)
  }
  listen(port: number) {
    if (!this.memory.listens.includes(port)) this.memory.listens.push(port)
    this.parts.changed(this)
  }
  end(how: 'poweroff' | 'crash') {
    if (how === 'crash') return this.stop('crashed', 'the guest died')
    if (this.power === 'running') this.screen.line(`[${this.#uptime()}] reboot: Power down`)
    this.stop('stopped', 'the guest powered itself off')
  }

  addresses() {
    return Object.values(this.memory.leases).flatMap((lease) => settingsOf(lease).addresses)
  }
  async ping(address: string) {
    if (!this.#hasNetwork()) return 'the guest itself is not up'
    const card = this.cardTowards(address)
    return card ? card.ping(address) : 'the guest has no route there'
  }
  async connect(address: string, port: number) {
    const card = this.#hasNetwork() ? this.cardTowards(address) : undefined
    if (!card)
      throw new CloudError('unavailable', `Cannot connect to ${address}:${port}: the guest has no way there`)
    return card.connect(address, port)
  }

  /** The card whose route to the address is the longest; the first one's, where several are alike. */
  cardTowards(address: string): Card | undefined {
    const ip = parseAddress(address)
    let best: { card: Card; prefix: number } | undefined
    for (const { portId } of this.spec.nics) {
      const card = this.cards.get(portId)
      const lease = this.memory.leases[portId]
      if (!card || !lease || !ip) continue
      const { addresses, routes } = settingsOf(lease)
      for (const text of [...addresses, ...routes.map(({ to }) => to)]) {
        const net = parseCidr(text)
        if (net && cidrHas(net, ip) && net.prefix > (best?.prefix ?? -1)) best = { card, prefix: net.prefix }
      }
    }
    return best?.card
  }

  readonly #answers: CardGuest = {
    answersPing: () => this.#hasNetwork(),
    accept: (port) => {
      if (!this.#hasNetwork()) return null
      const open = (port === sshPort && this.stage === 'up') || this.memory.listens.includes(port)
      return open ? (connection) => this.#greet(connection, port) : undefined
    },
  }

  #greet(connection: Duplex, port: number): void {
    connection.on('error', () => connection.destroy())
    connection.resume()
    connection.write(
      port === sshPort
        ? 'SSH-2.0-dropbear_2022.83\r\n'
        : `${this.memory.hostname ?? this.spec.hostname} ${port}\r\n`,
    )
  }

  #hasNetwork(): boolean {
    return (
      this.power === 'running' &&
      !this.#frozen() &&
      !this.memory.refusesNetwork &&
      ['network', 'metadata', 'services', 'up', 'halting'].includes(this.stage)
    )
  }
  #frozen(): boolean {
    return this.memory.hung || this.power === 'paused'
  }

  #insertCards(): void {
    for (const nic of this.spec.nics) this.insertCard(nic)
  }
  #letGo(): void {
    this.#life++
    this.#cancelTimers()
    this.#thawed = []
    for (const card of this.cards.values()) card.remove()
    this.cards.clear()
  }
  #cancelTimers(): void {
    for (const cancel of this.#cancels) cancel()
    this.#cancels.clear()
  }
  #thaw(): void {
    if (!this.#frozen()) for (const go of this.#thawed.splice(0)) go()
  }

  #run(): void {
    this.#life++
    this.#cancelTimers()
    const life = this.#lifeNow()
    void this.#live(life).catch((error) => this.panic(asError(error).message))
  }
  async #live(life: Life): Promise<void> {
    while (life.alive) {
      const stage = stages[this.stage]
      if (!stage) return
      const next = await stage(life)
      if (!life.alive) return
      this.memory.stage = next
      this.parts.changed(this)
      if (next === 'up' && this.#offWhenUp) this.memory.stage = 'halting'
    }
  }
  /** The last words of a guest that was asked to end. */
  async halt(life: Life): Promise<void> {
    life.say('Requesting system poweroff')
    await life.pause(haltMs)
    life.kernel('reboot: Power down')
    this.stop('stopped', 'the guest powered itself off')
  }

  #lifeNow(): Life {
    const born = this.#life
    const alive = () => this.#life === born
    return {
      guest: this,
      get alive() {
        return alive()
      },
      say: (line) => void (alive() && this.screen.line(line)),
      kernel: (line) => void (alive() && this.screen.line(`[${this.#uptime()}] ${line}`)),
      pause: (ms, options) =>
        new Promise((resolve) => {
          if (!alive()) return
          const cancel = this.parts.world.timers.after(
            ms * this.parts.pace,
            () => {
              this.#cancels.delete(cancel)
              this.#whenThawed(alive, resolve)
            },
            options,
          )
          this.#cancels.add(cancel)
        }),
      ask: (work) =>
        new Promise((resolve, reject) => {
          this.parts.world.activity.track(work).then(
            (answer) => this.#whenThawed(alive, () => resolve(answer)),
            (error) => this.#whenThawed(alive, () => reject(error)),
          )
        }),
    }
  }
  #whenThawed(alive: () => boolean, go: () => void): void {
    if (!alive()) return
    if (this.#frozen()) this.#thawed.push(() => this.#whenThawed(alive, go))
    else go()
  }

  /** '    1.234567', as the kernel writes it. */
  #uptime(): string {
    return this.seconds().toFixed(6).padStart(12)
  }
  seconds(): number {
    return (this.parts.world.clock.now() - this.memory.poweredAt) / 1000
  }
}

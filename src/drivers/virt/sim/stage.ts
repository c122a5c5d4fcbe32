// What a simulated guest does from power on to its login prompt, and the lines that it writes: those that people and
// tools look for in the log of a CirrOS. Each stage takes its time, and may begin again after the machine was away.
import type { GuestNic } from '../driver.ts'
import { learn } from './datasource.ts'
import type { Life } from './guest.ts'
import { leaseOf, settingsOf, withAdvertisements } from './lease.ts'
import { runUserData } from './user-data.ts'

export type Stage =
  | 'off'
  | 'firmware'
  | 'kernel'
  | 'init'
  | 'network'
  | 'metadata'
  | 'services'
  | 'up'
  | 'halting'
  | 'panicked'

/** Gives what comes next; a stage that isn't here lasts until something happens to the guest. */
export const stages: Partial<Record<Stage, (life: Life) => Promise<Stage>>> = {
  firmware,
  kernel,
  init,
  network,
  metadata,
  services,
  halting: async (life) => {
    await life.guest.halt(life)
    return 'off'
  },
}

/** Times of a CirrOS under KVM, in milliseconds. */
const firmwareMs = 400
const kernelMs = 1200
const initMs = 700
const servicesMs = 600
/** busybox's udhcpc: three questions, three seconds apart, then 20 s of rest. */
const discovers = 3
const discoverMs = 3000
const restMs = 20_000

async function firmware(life: Life): Promise<Stage> {
  const { spec } = life.guest
  life.say('SeaBIOS (version 1.16.2)')
  await life.pause(firmwareMs)
  const root = spec.image !== undefined || spec.volumes.some((volume) => volume.bootIndex === 0)
  life.say(root ? 'Booting from Hard Disk...' : 'Boot failed: not a bootable disk')
  if (!root) life.say('No bootable device.')
  return root ? 'kernel' : 'panicked'
}

async function kernel(life: Life): Promise<Stage> {
  const { spec } = life.guest
  life.kernel('Linux version 6.1.0-sim (nimbo) (simulated guest) #1 SMP')
  life.kernel('Command line: LABEL=cirros-rootfs ro console=tty1 console=ttyS0')
  life.kernel(`DMI: OpenStack Foundation OpenStack Nova, BIOS 1.16.2, uuid ${spec.id}`)
  life.kernel(`Memory: ${spec.memoryMb * 1024}K available`)
  life.kernel(`smp: Brought up 1 node, ${spec.vcpus} CPU${spec.vcpus === 1 ? '' : 's'}`)
  await life.pause(kernelMs)
  for (const { device, serial } of spec.volumes)
    life.kernel(`virtio_blk ${device.replace('/dev/', '')}: serial ${serial.slice(0, 20)}`)
  life.kernel('EXT4-fs (vda1): mounted filesystem with ordered data mode')
  return 'init'
}

async function init(life: Life): Promise<Stage> {
  const { spec, memory } = life.guest
  life.say('info: initramfs: up at '.concat(life.guest.seconds().toFixed(2)))
  life.say('Starting syslogd: OK')
  if (memory.diskFull) life.say('syslogd: write error: No space left on device')
  life.say('Starting acpid: OK')
  await life.pause(initMs)
  if (spec.configDrive) life.say('config drive: mounted LABEL=config-2')
  return 'network'
}

async function network(life: Life): Promise<Stage> {
  const { spec } = life.guest
  if (spec.nics.length === 0) life.say('no network card')
  life.say('Starting network: udhcpc: started, v1.35.0')
  for (const nic of spec.nics) await bringUpCard(life, nic)
  return 'metadata'
}

/** Asks for a lease, and for routers; again later where nobody answered. */
export async function bringUpCard(life: Life, nic: GuestNic): Promise<void> {
  const { guest } = life
  const known = guest.memory.leases[nic.portId]
  if (known?.address !== undefined && (await renewed(life, nic, known.server, known.address))) return
  const name = `eth${guest.spec.nics.indexOf(nic)}`
  life.say(`${name}: ${nic.mac} mtu ${nic.mtu} up`)
  const mode = await discovered(life, nic)
  const card = guest.cards.get(nic.portId)
  const lease = withAdvertisements(guest.memory.leases[nic.portId], nic.mac, card?.solicitRouters() ?? [])
  if (lease) {
    setLease(life, nic, lease)
    for (const address of lease.six) life.say(`${name}: router advertisement, address ${address}`)
  }
  if (mode === 'leased') return
  life.say('udhcpc: no lease, forking to background')
  void askLater(life, nic)
}

/** In the background, as nobody waits for it any more. */
export async function askLater(life: Life, nic: GuestNic): Promise<void> {
  await life.pause(restMs, { background: true })
  if (life.guest.cards.has(nic.portId) && !life.guest.memory.leases[nic.portId]?.address) {
    if ((await discovered(life, nic, 1)) !== 'leased') void askLater(life, nic)
  }
}

async function discovered(life: Life, nic: GuestNic, tries = discovers): Promise<'leased' | 'silent'> {
  const { guest } = life
  for (let attempt = 1; attempt <= tries; attempt++) {
    const card = guest.cards.get(nic.portId)
    if (tries > 1) life.say('udhcpc: sending discover')
    const offer = await life.ask(card?.dhcp({ kind: 'discover' }) ?? silent)
    if (!('silence' in offer)) {
      if (tries === 1) life.say('udhcpc: sending discover')
      life.say(`udhcpc: sending select for ${offer.address}`)
      const { address, server } = offer
      const answer = await life.ask(card?.dhcp({ kind: 'request', address, server }) ?? silent)
      if (!('silence' in answer) && answer.kind === 'ack') {
        life.say(`udhcpc: lease of ${address} obtained from ${server}, lease time ${answer.leaseS}`)
        const lease = leaseOf(answer, guest.parts.world.clock.now())
        for (const { to, via } of lease.routes) {
          const whither = to === '0.0.0.0/0' ? 'default' : `-net ${to}`
          life.say(`route add ${whither}${via === null ? '' : ` gw ${via}`}`)
        }
        if (lease.mtu !== undefined) life.say(`ip link set mtu ${lease.mtu}`)
        setLease(life, nic, lease)
        return 'leased'
      }
    }
    if (attempt < tries || tries > 1) await life.pause(discoverMs)
  }
  return 'silent'
}

/** Half-way through the lease, and until it ends, the same server is asked. */
async function renewed(life: Life, nic: GuestNic, server: string, address: string): Promise<boolean> {
  const { guest } = life
  const known = guest.memory.leases[nic.portId]!
  const request = { kind: 'request' as const, address: address.split('/')[0]!, server }
  const answer = await life.ask(guest.cards.get(nic.portId)?.dhcp(request) ?? silent)
  const now = guest.parts.world.clock.now()
  if (!('silence' in answer) && answer.kind === 'ack') {
    const { six, sixRoutes } = known
    setLease(life, nic, { ...leaseOf(answer, now), six, sixRoutes })
    return true
  }
  if ('silence' in answer && now < known.endsAt) {
    const left = known.endsAt - now
    setLease(life, nic, { ...known, renewAt: now + Math.max(left / 2, Math.min(left, 60_000)) })
    return true
  }
  life.say('udhcpc: lease lost, entering init state')
  delete guest.memory.leases[nic.portId]
  guest.cards.get(nic.portId)?.configure({ addresses: [], routes: [] })
  return false
}

function setLease(life: Life, nic: GuestNic, lease: ReturnType<typeof leaseOf>): void {
  const { guest } = life
  if (!life.alive || !guest.cards.has(nic.portId)) return
  guest.memory.leases[nic.portId] = lease
  guest.cards.get(nic.portId)!.configure(settingsOf(lease))
  guest.parts.changed(guest)
  if (lease.leaseS > 0) guest.parts.renewAt(guest, lease.renewAt)
}

const silent = Promise.resolve({ silence: 'there is no network' })

async function metadata(life: Life): Promise<Stage> {
  await learn(life)
  return 'services'
}

async function services(life: Life): Promise<Stage> {
  const { guest } = life
  await life.pause(servicesMs)
  if (guest.memory.diskFull) life.say('dropbear: could not make host keys: No space left on device')
  life.say('Starting dropbear sshd: OK')
  await runUserData(life)
  for (const address of guest.addresses()) life.say(`address: ${address}`)
  life.say(`=== cirros: current=0.6.2 uptime=${guest.seconds().toFixed(2)} ===`)
  life.say("login as 'cirros' user. default password: 'gocubsgo'. use 'sudo' for root.")
  guest.screen.prompt(`${guest.memory.hostname ?? guest.spec.hostname} login: `)
  return 'up'
}

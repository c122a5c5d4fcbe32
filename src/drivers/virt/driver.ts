// What a host can do with guests, whatever runs them: the compute agent knows only this.
// Guests are keyed by the server's uuid. Every operation may run twice, and after a crash of the caller at any
// point the same call again converges; nothing here knows the control plane.
import type { Readable } from 'node:stream'

/** `building` is a guest whose files exist but that never ran yet; `crashed` ended without being told to. */
export type PowerState = 'building' | 'running' | 'paused' | 'shutdown' | 'crashed'

export type GuestImage = {
  id: string
  /** Glance's disk format, checked against the bytes before any tool opens them. */
  diskFormat: string
  /** Bytes as stored in Glance; a stream that gives more or fewer is refused. */
  sizeBytes: number
  /** Glance's multihash, checked while the bytes arrive. */
  hashAlgorithm?: string
  hashValue?: string
}

export type GuestNic = {
  portId: string
  mac: string
  /** A persistent tap device that exists before the guest starts, owned by `VirtInfo.guestUid`. */
  tap: string
  mtu: number
  linkType: 'ovs' | 'bridge'
  networkId: string
}

export type GuestVolume = {
  volumeId: string
  /** A file or block device on this host. */
  path: string
  format: 'raw' | 'qcow2'
  /** As the guest is likely to call it: '/dev/vdb'. */
  device: string
  /** The guest reads it at /sys/block/vdb/serial; QEMU keeps the first 20 characters. */
  serial: string
  readOnly?: boolean
  /** 0 makes it the root disk; then there is no image. */
  bootIndex?: number
}

export type GuestSpec = {
  id: string
  /** The server's number within the cloud; the domain is called instance-%08x. */
  number: number
  name: string
  hostname: string
  /** Grows with each change of the desired state; an older one never overwrites a newer. */
  generation: number
  projectId: string
  projectName?: string
  userId?: string
  userName?: string
  flavorName: string
  vcpus: number
  memoryMb: number
  /** Size of the root disk, GiB; 0 means as large as the image. */
  rootGb: number
  ephemeralGb: number
  swapMb: number
  /** Absent where a volume with boot index 0 is the root disk. */
  image?: GuestImage
  nics: GuestNic[]
  volumes: GuestVolume[]
  /** Files of the config drive by path ('openstack/latest/meta_data.json'); absent means no such drive. */
  configDrive?: Record<string, string | Uint8Array>
  /** Milliseconds since the epoch, for libvirt.xml. */
  createdAt: number
}

export type GuestState = {
  id: string
  number: number
  /** instance-%08x */
  domain: string
  generation: number
  power: PowerState
  nics: Pick<GuestNic, 'portId' | 'mac' | 'tap'>[]
  volumes: Pick<GuestVolume, 'volumeId' | 'device'>[]
  /** Of the guest's process, while there is one. */
  pid?: number
}

export type GuestUsage = {
  id: string
  /** Processor time since the guest's process began, nanoseconds. */
  cpuNs: number
  /** Given to the guest, and what its process holds on the host. */
  memoryMb: number
  residentBytes: number
  diskBytes: number
}

export type GuestEventKind = 'started' | 'stopped' | 'paused' | 'resumed' | 'reset' | 'crashed'

export type GuestEvent = {
  id: string
  kind: GuestEventKind
  power: PowerState
  /** Milliseconds since the epoch. */
  at: number
  /** A sentence for people: 'the guest powered itself off'. */
  reason: string
}

export type VirtInfo = {
  driver: string
  /** 'QEMU', and the version as a number as Nova shows it: 7.2.22 is 7002022. */
  hypervisorType: string
  hypervisorVersion: number
  hypervisorVersionText: string
  architecture: 'x86_64' | 'aarch64'
  /** `probing` until the first guest-like boot under KVM answered or stayed silent. */
  accel: 'kvm' | 'tcg' | 'sim' | 'probing'
  cpuModel: string
  /** What the host has, for placement: vCPUs, MiB and GiB. */
  vcpus: number
  memoryMb: number
  diskGb: number
  /** Who runs the guests: the owner that tap devices must have. Absent where no process does. */
  guestUid?: number
  capabilities: {
    hotplugVolume: boolean
    hotplugInterface: boolean
    configDrive: boolean
    vnc: boolean
  }
}

export type ImageSource = {
  /** The image's bytes from the start; called only when this host has no copy yet. */
  open(): Promise<Readable>
}

/** What a create is about to do, for the boot trace: 'image.fetch', 'image.convert', 'disk.create', 'guest.start'. */
export type CreateReport = (stage: string, fields: Record<string, unknown>) => void

export type CreateOptions = {
  image?: ImageSource
  report?: CreateReport
  /** Stops at the next safe point; what was made is undone by `destroy`. */
  signal?: AbortSignal
}

export type VirtDriver = {
  info(): Promise<VirtInfo>
  /** All guests of ours on this host, running or not. Processes and folders of others are not touched or shown. */
  list(): Promise<GuestState[]>
  /** Undefined where this host has nothing of it. */
  state(id: string): Promise<GuestState | undefined>

  /**
   * Makes the guest and runs it. Again with the same generation: completes what is missing. With an older one:
   * conflict, nothing changed. A failure leaves nothing that wasn't there before, apart from the image cache.
   */
  create(spec: GuestSpec, options?: CreateOptions): Promise<GuestState>
  /** Runs a guest that stands still; `spec` replaces what was kept. Definitions are written anew. */
  start(id: string, spec?: GuestSpec): Promise<GuestState>
  /** Graceful asks by ACPI and pulls the plug after `timeoutMs` (default 60 s); otherwise at once. */
  stop(id: string, options?: { graceful?: boolean; timeoutMs?: number }): Promise<GuestState>
  /** Soft asks the guest and falls back to hard after `timeoutMs` (default 120 s, as Nova). */
  reboot(
    id: string,
    kind: 'soft' | 'hard',
    options?: { timeoutMs?: number; spec?: GuestSpec },
  ): Promise<GuestState>
  pause(id: string): Promise<GuestState>
  resume(id: string): Promise<GuestState>
  /** The process, its sockets and its files. No error when it is gone. Volumes' own files are left. */
  destroy(id: string, options?: { keepDisk?: boolean }): Promise<void>

  attachVolume(id: string, volume: GuestVolume): Promise<void>
  /** Resolves when the guest let go; kind 'timeout' where it doesn't within `timeoutMs` (default 20 s). */
  detachVolume(id: string, volumeId: string, options?: { timeoutMs?: number }): Promise<void>
  attachInterface(id: string, nic: GuestNic): Promise<void>
  detachInterface(id: string, portId: string, options?: { timeoutMs?: number }): Promise<void>

  /** The console's last `lines` lines, all (at most 100 KiB, as Nova) without; '' where it never ran. */
  consoleOutput(id: string, lines?: number): Promise<string>
  /** A unix socket that speaks RFB; kind 'conflict' where the guest doesn't run. */
  consoleSocket(id: string): Promise<string>
  usage(id: string): Promise<GuestUsage | undefined>

  /** Power changes that nobody asked this driver for, and those that were; returns how to stop listening. */
  events(listen: (event: GuestEvent) => void): () => void
  /** Lets go of all guests; they go on running. */
  close(): Promise<void>
}

export type VirtOptions = {
  /** Where guests' files lie: _base, locks, compute_nodes and a folder per guest. */
  folder: string
  /** This host's name in the cloud. */
  host: string
  /** Who runs guests where we are root, 42427 by default; ourselves otherwise. */
  guestUid?: number
  guestGid?: number
  /** 'auto' tries an ordinary guest under KVM and takes software emulation where it stays silent. */
  accel?: 'auto' | 'kvm' | 'tcg'
  /** What the host offers, where it isn't what the host has: vCPUs, MiB, GiB. */
  resources?: { vcpus?: number; memoryMb?: number; diskGb?: number }
  /** Simulated guests: how long, in milliseconds of the world's clock, from create to running. */
  bootDelayMs?: number
  /** Simulated guests: where they are kept over a restart of the agent; in memory alone without. */
  stateFile?: string
  /** Where sockets lie when `folder` is too long for a socket's path (107 bytes). */
  runFolder?: string
}

/** Nova's name of a guest at the hypervisor. */
export function domainName(number: number): string {
  return `instance-${number.toString(16).padStart(8, '0')}`
}

/** Nova's limit of a console answer: bytes from the end. */
export const consoleLimitBytes = 102_400

/** The last `lines` lines of a console log, at most `consoleLimitBytes` of them. */
export function consoleTail(text: string, lines?: number): string {
  const kept = text.length > consoleLimitBytes ? text.slice(-consoleLimitBytes) : text
  if (lines === undefined) return kept
  if (lines <= 0) return ''
  const all = kept.split('\n')
  const ends = all.at(-1) === '' ? 1 : 0
  return all.slice(-(lines + ends)).join('\n')
}

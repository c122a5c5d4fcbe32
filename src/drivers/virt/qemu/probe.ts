// What QEMU is here, and whether KVM runs an ordinary guest. A /dev/kvm that opens proves nothing: some hosts' KVM
// starts a machine that then stays silent. So a small machine is booted that does what boot loaders and kernels do.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Accel } from './arguments.ts'
import { cpuModel } from './arguments.ts'
import { type Host, qemuProgram } from './host.ts'

/** A working KVM answers in a tenth of this. */
const patienceMs = 2000
/** isa-debug-exit ends QEMU with twice the written value, plus one. */
const successCode = 2 * 0x10 + 1

/**
 * A boot sector: protected mode, a 32-bit `iret` (which paravirtual KVMs fail at), page tables, long mode, `iretq`,
 * `cpuid`; then 'K' to the serial port and 0x10 to the exit device. x86 machine code by instruction.
 */
const bootCode = [
  'fa 31c0 8ed8 8ec0 8ed0 bc007c', // cli; segments 0; stack 7c00
  '0f0116e07c 0f20c0 0c01 0f22c0 ea1e7c0800', // lgdt; cr0 |= PE; jmp 8:7c1e
  '66b81000 8ed8 8ec0 8ed0 bc007c0000', // 32 bits: segments 10h, stack
  '9c 6a08 6836' + '7c0000 cf', // pushf; push 8; push 7c36h; iret
  'bf00100000 0f22df 31c0 b9000c0000 f3ab', // cr3 = 1000h; three empty tables
  'c7050010000003200000 c7050020000003300000 c7050030000083000000', // one page of 2 MiB at 0
  '0f20e0 0c20 0f22e0 b9800000c0 0f32 80cc01 0f30', // cr4 |= PAE; EFER |= LME
  '0f20c0 0d00000080 0f22c0 ea8b7c00001800', // cr0 |= PG; jmp 18h:7c8b
  '66b81000 8ed0 48c7c4007c0000', // 64 bits: stack
  '6a10 68007c0000 9c 6a18 68a97c0000 48cf', // push frame; iretq to 7ca9h
  '31c0 0fa2 66baf803 b04b ee 66baf400 b010 ee f4 ebfd', // cpuid; out 3f8h,'K'; out f4h,10h; hlt
  '6690 0000000000000000 ffff0000009acf00 ffff00000092cf00 ffff0000009aaf00', // GDT: none, code32, data, code64
  '1f00 c07c0000', // its size and place
]

export function bootSector(): Buffer {
  const code = Buffer.from(bootCode.join('').replaceAll(' ', ''), 'hex')
  const sector = Buffer.alloc(512)
  code.copy(sector)
  sector.writeUInt16LE(0xaa55, 510)
  return sector
}

export type QemuVersion = { text: string; number: number }

export async function qemuVersion(host: Host): Promise<QemuVersion> {
  const { stdout } = await host.world.processes.run(qemuProgram, ['--version']).catch((error: unknown) => {
    throw new CloudError(
      'unavailable',
      `${qemuProgram} can't be run on host ${host.name}: install the package qemu-system-x86.`,
      {
        type: 'MissingProgram',
        cause: error,
      },
    )
  })
  const found = /version (\d+)\.(\d+)\.(\d+)/.exec(stdout)
  if (!found)
    throw new CloudError('unavailable', `${qemuProgram} doesn't say its version.`, { detail: stdout })
  const [major, minor, micro] = found.slice(1).map(Number) as [number, number, number]
  return { text: `${major}.${minor}.${micro}`, number: major * 1_000_000 + minor * 1000 + micro }
}

/** How guests run here: found out once, in the background or by the first that needs it. */
export function openAccel(host: Host, wanted: Accel | 'auto') {
  let known = wanted === 'auto' ? undefined : wanted
  let probing: Promise<Accel> | undefined
  return {
    known: () => known,
    async find(): Promise<Accel> {
      if (known) return known
      probing ??= probeAccel(host)
      try {
        known = await probing
        return known
      } finally {
        probing = undefined
      }
    },
    /** A probe under way leaves its files behind if nobody waits for it. */
    close: () =>
      probing?.then(
        () => {},
        () => {},
      ), // a failure was told to whoever asked
  }
}

/** As the guests' user, since that is who must be able to use it. */
export async function probeAccel(host: Host): Promise<Accel> {
  const { files, processes } = host.world
  if (!(await files.exists('/dev/kvm'))) return 'tcg'
  const known = await readKnown(host)
  if (known) return known
  const image = `${host.layout.lockFolder}/probe-${processes.self}.img`
  await files.write(image, bootSector(), { mode: 0o644 })
  try {
    const args = [
      ...[
        '-no-user-config',
        '-nodefaults',
        '-machine',
        'pc',
        '-accel',
        'kvm',
        '-cpu',
        cpuModel.kvm,
        '-m',
        '16',
      ],
      ...['-display', 'none', '-serial', 'stdio', '-device', 'isa-debug-exit,iobase=0xf4,iosize=4'],
      ...['-drive', `if=virtio,format=raw,readonly=on,file=${image}`],
    ]
    const result = await processes.run(qemuProgram, args, { timeoutMs: patienceMs, env: {}, ...host.owner })
    const works = result.code === successCode && result.stdout.includes('K')
    if (!works)
      host.log.info(
        { code: result.code, reason: result.stderr.trim().slice(0, 300) },
        'KVM is of no use here: guests are emulated',
      )
    return await remember(host, works ? 'kvm' : 'tcg')
  } catch (error) {
    if (!(error instanceof CloudError) || error.kind !== 'timeout') throw error
    host.log.info({ patienceMs }, 'a guest under KVM stays silent: guests are emulated')
    return await remember(host, 'tcg')
  } finally {
    await files.remove(image)
  }
}

/** What was found holds until the host starts anew: a silent KVM costs two seconds to find out. */
type Known = { bootId: string; accel: Accel }

const knownPath = (host: Host) => `${host.layout.lockFolder}/accel.json`
const bootId = async (host: Host) =>
  (await host.world.files.readText('/proc/sys/kernel/random/boot_id')).trim()

async function readKnown(host: Host): Promise<Accel | undefined> {
  if (!(await host.world.files.exists(knownPath(host)))) return undefined
  const known = JSON.parse(await host.world.files.readText(knownPath(host))) as Known
  return known.bootId === (await bootId(host)) ? known.accel : undefined
}

async function remember(host: Host, accel: Accel): Promise<Accel> {
  await host.world.files.writeAtomic(
    knownPath(host),
    JSON.stringify({ bootId: await bootId(host), accel } satisfies Known),
    { mode: 0o644 },
  )
  return accel
}

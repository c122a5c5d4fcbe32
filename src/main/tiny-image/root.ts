// What the tiny guest consists of: the initrd that finds its disk, and its root file system.
import type { World } from '#kit/world/world.ts'
import { rootShellProgram } from './elf.ts'
import { type Entry, file, folders, link } from './entry.ts'
import type { Kernel, Module } from './kernel.ts'
import type { Programs } from './parts.ts'

export type GuestOptions = {
  /** The console's password of the user `cirros`; left out, each instance makes one and prints it on its console. */
  password?: string
  /** Lets a password in over ssh too; without it a key is the only way. */
  sshPassword?: boolean
}

const user = { uid: 1000, gid: 1000 }

/** Modules that the root file system's own device needs: virtio disks and SCSI, IDE. */
export const diskModules = ['virtio_pci', 'virtio_blk', 'virtio_scsi', 'sd_mod', 'ata_piix', 'virtio_mmio']

/** Modules for later: network, entropy, memory balloon, power button, config drive on CD or FAT. */
export const lateModules = [
  'virtio_net',
  'virtio-rng',
  'virtio_balloon',
  'button',
  'evdev',
  'sr_mod',
  'isofs',
  'vfat',
  'nls_cp437',
  'nls_ascii',
  'nls_iso8859-1',
]

/**
 * The kernel's command line; `quiet` because a serial line at 115200 baud is slow to write to, `cryptomgr.notests` because
 * tests of all ciphers are half a second of an emulated processor.
 */
export const kernelArguments =
  'console=tty0 console=ttyS0,115200 nokaslr mitigations=off random.trust_cpu=on net.ifnames=0 cryptomgr.notests quiet'

export async function initrdEntries(world: World, kernel: Kernel, programs: Programs): Promise<Entry[]> {
  const applets = ['sh', 'mount', 'insmod', 'cat', 'usleep', 'switch_root']
  return [
    ...folders(['/bin', '/dev', '/lib', '/lib/modules', '/proc', '/root', '/sys']),
    { kind: 'device', path: '/dev/console', mode: 0o600, major: 5, minor: 1 },
    { kind: 'device', path: '/dev/null', mode: 0o666, major: 1, minor: 3 },
    file('/bin/busybox', programs.busybox, 0o755),
    ...applets.map((name) => link(`/bin/${name}`, 'busybox')),
    file('/init', await guestScript(world, 'init'), 0o755),
    ...moduleEntries(kernel.early),
  ]
}

export async function rootEntries(
  world: World,
  kernel: Kernel,
  programs: Programs,
  options: GuestOptions,
): Promise<Entry[]> {
  const script = async (path: string, name: string) => file(path, await guestScript(world, name), 0o755)
  return [
    ...folders([
      '/',
      '/bin',
      '/dev',
      '/etc',
      '/etc/acpi',
      '/etc/acpi/PWRF',
      '/etc/dropbear',
      '/home',
      '/lib',
      '/lib/modules',
      '/lib/x86_64-linux-gnu',
      '/lib64',
      '/mnt',
      '/proc',
      '/run',
      '/sbin',
      '/sys',
      '/usr',
      '/usr/bin',
      '/usr/lib',
      '/usr/lib/tiny',
      '/usr/sbin',
      '/var',
      '/var/lib',
      '/var/lib/tiny',
      '/var/log',
    ]),
    ...folders(['/root'], 0o700),
    ...folders(['/tmp'], 0o1777),
    { kind: 'folder', path: '/home/cirros', mode: 0o755, ...user },
    link('/var/run', '/run'),
    ...accountEntries(options),
    file('/bin/busybox', programs.busybox, 0o755),
    ...programs.applets.map((applet) => link(applet, '/bin/busybox')),
    ...programs.files.map((program) => file(program.path, program.content, 0o755)),
    file('/usr/bin/sudo', rootShellProgram('/bin/busybox', '/usr/lib/tiny/sudo'), 0o4755),
    await script('/usr/lib/tiny/sudo', 'sudo'),
    await script('/usr/lib/tiny/dhcp', 'dhcp'),
    await script('/usr/lib/tiny/source', 'source'),
    await script('/etc/rc', 'rc'),
    await script('/etc/rc-stop', 'rc-stop'),
    await script('/etc/acpi/PWRF/00000080', 'power-button'),
    file('/etc/inittab', await guestScript(world, 'inittab')),
    ...moduleEntries(kernel.late),
  ]
}

function accountEntries(options: GuestOptions): Entry[] {
  const dropbear = options.sshPassword ? '-w' : '-w -s'
  return [
    file('/etc/passwd', 'root:x:0:0:root:/root:/bin/sh\ncirros:x:1000:1000:cirros:/home/cirros:/bin/sh\n'),
    file('/etc/group', 'root:x:0:\ntty:x:5:\ncirros:x:1000:\n'),
    file('/etc/shadow', 'root:*:19000:0:99999:7:::\ncirros:*:19000:0:99999:7:::\n', 0o600),
    file('/etc/shells', '/bin/sh\n'),
    file('/etc/hostname', 'cirros\n'),
    file('/etc/hosts', '127.0.0.1 localhost\n'),
    file('/etc/resolv.conf', ''),
    file('/etc/profile', 'export PATH=/usr/sbin:/usr/bin:/sbin:/bin\n'),
    file('/etc/os-release', 'ID=tiny\nNAME="Nimbo tiny guest"\nPRETTY_NAME="Nimbo tiny guest"\n'),
    // No root by ssh in any case; no passwords there unless asked for.
    file('/etc/dropbear/options', `${dropbear}\n`),
    ...(options.password ? [file('/etc/tiny-password', `${options.password}\n`, 0o600)] : []),
  ]
}

function moduleEntries(modules: readonly Module[]): Entry[] {
  return [
    file('/lib/modules/order', modules.map((module) => `${module.name}\n`).join('')),
    ...modules.map((module) => file(`/lib/modules/${module.name}.ko`, module.content)),
  ]
}

async function guestScript(world: World, name: string): Promise<Buffer> {
  return world.files.read(`${import.meta.dirname}/guest/${name}`)
}

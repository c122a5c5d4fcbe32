// QEMU's command line for a guest, as pure text: the same guest gives the same words. Options: qemu(1) 7.2.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { domainName, type GuestNic, type GuestSpec, type GuestVolume } from '../driver.ts'
import type { GuestFiles } from './layout.ts'

export type Accel = 'kvm' | 'tcg'

/** A disk of the guest's own folder: its root, its ephemeral space, its swap space. */
export type OwnDisk = { name: 'root' | 'ephemeral' | 'swap'; path: string; format: 'qcow2' | 'raw' }

export type Launch = {
  spec: GuestSpec
  files: GuestFiles
  accel: Accel
  disks: OwnDisk[]
  hasConfigDrive: boolean
}

/** Software emulation keeps translated code in a cache of 1 GiB unless told otherwise; 64 MiB costs little speed. */
const translationCacheMb = 64

/** Five-level page tables are the one feature of the fullest model that emulation pays for on every access. */
export const cpuModel: Record<Accel, string> = { kvm: 'host', tcg: 'max,la57=off' }

export function qemuArguments({ spec, files, accel, disks, hasConfigDrive }: Launch): string[] {
  const bootsFromVolume = !disks.some((disk) => disk.name === 'root')
  return [
    ['-name', `guest=${domainName(spec.number)},debug-threads=on`],
    ['-uuid', spec.id],
    ['-no-user-config', '-nodefaults', '-S'],
    ['-machine', 'pc,usb=off,vmport=off,dump-guest-core=off'],
    ['-accel', accel === 'tcg' ? `tcg,tb-size=${translationCacheMb}` : 'kvm'],
    ['-cpu', cpuModel[accel]],
    ['-smp', `${spec.vcpus},sockets=${spec.vcpus},cores=1,threads=1`],
    ['-m', `size=${spec.memoryMb}M`],
    ['-overcommit', 'mem-lock=off'],
    ['-rtc', 'base=utc,driftfix=slew'],
    ['-boot', 'strict=on'],
    // cloud-init knows the cloud by these two names.
    [
      '-smbios',
      `type=1,manufacturer=OpenStack Foundation,product=OpenStack Nova,serial=${spec.id},uuid=${spec.id},family=Virtual Machine`,
    ],
    ['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ['-display', 'none'],
    ['-chardev', `socket,id=qmp,path=${escaped(files.qmp)},server=on,wait=off`],
    ['-mon', 'chardev=qmp,mode=control'],
    // The log is opened for appending, so that it can be cut while the guest writes.
    [
      '-chardev',
      `socket,id=serial0,path=${escaped(files.serial)},server=on,wait=off,logfile=${escaped(files.console)},logappend=on`,
    ],
    ['-device', 'isa-serial,chardev=serial0,id=serial0'],
    ['-vnc', `unix:${escaped(files.vnc)}`],
    ['-device', 'VGA,id=video0,vgamem_mb=16'],
    ['-object', 'rng-random,id=rng0,filename=/dev/urandom'],
    ['-device', 'virtio-rng-pci,rng=rng0,id=rng-device0'],
    ['-device', 'virtio-balloon-pci,id=balloon0,free-page-reporting=on'],
    ...disks.map(ownDiskArguments),
    ...byDevice(spec.volumes).map((volume) => volumeArguments(volume, bootsFromVolume)),
    ...(hasConfigDrive ? [configDriveArguments(files.configDrive)] : []),
    ...spec.nics.map(nicArguments),
  ].flat()
}

function ownDiskArguments(disk: OwnDisk): string[] {
  const file = {
    driver: 'file',
    filename: disk.path,
    'node-name': `${disk.name}-file`,
    locking: 'on',
    discard: 'unmap',
  }
  const device = {
    driver: 'virtio-blk-pci',
    id: `disk-${disk.name}`,
    drive: disk.name,
    ...(disk.name === 'root' ? { bootindex: 1 } : {}),
  }
  return [
    '-blockdev',
    JSON.stringify({ driver: disk.format, 'node-name': disk.name, discard: 'unmap', file }),
    '-device',
    JSON.stringify(device),
  ]
}

/** On a `pc` machine the config drive is an IDE CD: every kernel has a driver for it, and early enough. */
function configDriveArguments(path: string): string[] {
  const file = { driver: 'file', filename: path, 'node-name': 'config-file', locking: 'on' }
  return [
    '-blockdev',
    JSON.stringify({
      driver: 'raw',
      'node-name': 'config',
      'read-only': true,
      file: { ...file, 'read-only': true },
    }),
    '-device',
    JSON.stringify({ driver: 'ide-cd', id: 'disk-config', drive: 'config', bus: 'ide.0' }),
  ]
}

function volumeArguments(volume: GuestVolume, bootsFromVolume: boolean): string[] {
  const boots = bootsFromVolume && volume.bootIndex === 0
  return [
    '-blockdev',
    JSON.stringify(volumeNode(volume)),
    '-device',
    JSON.stringify({ ...volumeDevice(volume), ...(boots ? { bootindex: 1 } : {}) }),
  ]
}

/** What `-blockdev` and `blockdev-add` take alike. */
export function volumeNode(volume: GuestVolume) {
  const readOnly = volume.readOnly ?? false
  const driver = volume.path.startsWith('/dev/') ? 'host_device' : 'file'
  return {
    driver: volume.format,
    'node-name': volumeNodeName(volume.volumeId),
    'read-only': readOnly,
    discard: 'unmap',
    file: {
      driver,
      filename: volume.path,
      'node-name': `${volumeNodeName(volume.volumeId)}f`,
      'read-only': readOnly,
      locking: 'on',
      discard: 'unmap',
    },
  }
}

/** Node names have room for 31 characters, less than a uuid; its 16 bytes make 22 in base 64. */
export function volumeNodeName(volumeId: string): string {
  return `v${Buffer.from(volumeId.replaceAll('-', ''), 'hex').toString('base64url')}`
}

/** What `-device` and `device_add` take alike. The guest sees 20 characters of a serial number. */
export function volumeDevice(volume: GuestVolume) {
  return {
    driver: 'virtio-blk-pci',
    id: volumeDeviceId(volume.volumeId),
    drive: volumeNodeName(volume.volumeId),
    serial: volume.serial.slice(0, 20),
  }
}

export function volumeDeviceId(volumeId: string): string {
  return `volume-${volumeId}`
}

function nicArguments(nic: GuestNic): string[] {
  return ['-netdev', JSON.stringify(nicBackend(nic)), '-device', JSON.stringify(nicDevice(nic))]
}

/**
 * A tap that is there already. Packets of a guest behind Open vSwitch's userspace datapath must carry finished
 * checksums, and without the virtio header they do; a Linux bridge gains from leaving them to the host.
 */
export function nicBackend(nic: GuestNic) {
  if (!/^[\w.-]{1,15}$/.test(nic.tap))
    throw new CloudError('badRequest', `'${nic.tap}' can't be the name of a network device.`)
  return {
    type: 'tap',
    id: nicBackendId(nic.portId),
    ifname: nic.tap,
    script: 'no',
    downscript: 'no',
    vnet_hdr: nic.linkType === 'bridge',
  }
}

export function nicBackendId(portId: string): string {
  return `net-${portId}`
}

export function nicDevice(nic: GuestNic) {
  // No boot ROM: guests here never boot from the network, and the ROM costs a second.
  return {
    driver: 'virtio-net-pci',
    id: nicDeviceId(nic.portId),
    netdev: nicBackendId(nic.portId),
    mac: nic.mac,
    host_mtu: nic.mtu,
    romfile: '',
  }
}

export function nicDeviceId(portId: string): string {
  return `nic-${portId}`
}

/** The order in which a guest meets its disks is the order of their names: vdb before vdc, vdz before vdaa. */
function byDevice(volumes: GuestVolume[]): GuestVolume[] {
  return [...volumes].sort((a, b) => a.device.length - b.device.length || (a.device < b.device ? -1 : 1))
}

/** QEMU reads a doubled comma as one. */
function escaped(path: string): string {
  return path.replaceAll(',', ',,')
}

// The pure parts of the qemu driver, word by word; what QEMU makes of them is test/real/virt.test.ts's matter.
import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { describe, expect, it } from 'vitest'
import type { GuestSpec } from '../driver.ts'
import { type Launch, qemuArguments } from './arguments.ts'
import { domainXml } from './domain-xml.ts'
import { baseName, computeNodesText, diskInfoText, openLayout } from './layout.ts'
import { bootSector } from './probe.ts'

const id = '7dcd2a0a-0b73-4a2a-b8c6-b4b1f5a1d0ad'
const layout = openLayout('/var/lib/nova/instances')
const files = layout.guest(id)

const spec: GuestSpec = {
  id,
  number: 42,
  name: 'hello <&> "world"',
  hostname: 'hello',
  generation: 1,
  projectId: '9d2f',
  projectName: 'demo',
  userId: '11aa',
  userName: 'demo',
  flavorName: 'm1.tiny',
  vcpus: 2,
  memoryMb: 512,
  rootGb: 1,
  ephemeralGb: 0,
  swapMb: 0,
  image: { id: '5c242396-3c7b-4bc6-bec1-3df8eb57d53d', diskFormat: 'qcow2', sizeBytes: 13_287_936 },
  nics: [
    {
      portId: 'd605dd99-5277-4d0a-9c2a-6f9f8f6d2b11',
      mac: 'fa:16:3e:aa:bb:01',
      tap: 'tapd605dd99-52',
      mtu: 1450,
      linkType: 'ovs',
      networkId: '33b9ef50',
    },
  ],
  volumes: [
    {
      volumeId: 'a1b2c3d4-0000-4000-8000-000000000001',
      path: '/var/lib/nimbo/volumes/volume-a1b2c3d4',
      format: 'raw',
      device: '/dev/vdb',
      serial: 'a1b2c3d4-0000-4000-8000-000000000001',
    },
  ],
  createdAt: Date.UTC(2026, 10, 20, 12),
}
const launch: Launch = {
  spec,
  files,
  accel: 'tcg',
  disks: [{ name: 'root', path: files.disk, format: 'qcow2' }],
  hasConfigDrive: true,
}

describe('the command line', () => {
  it('of a guest with a disk, a volume, a config drive and a port', () => {
    const folder = `/var/lib/nova/instances/${id}`
    expect(qemuArguments(launch)).toEqual([
      ...['-name', 'guest=instance-0000002a,debug-threads=on'],
      ...['-uuid', id],
      ...['-no-user-config', '-nodefaults', '-S'],
      ...['-machine', 'pc,usb=off,vmport=off,dump-guest-core=off'],
      ...['-accel', 'tcg,tb-size=64'],
      ...['-cpu', 'max,la57=off'],
      ...['-smp', '2,sockets=2,cores=1,threads=1'],
      ...['-m', 'size=512M'],
      ...['-overcommit', 'mem-lock=off'],
      ...['-rtc', 'base=utc,driftfix=slew'],
      ...['-boot', 'strict=on'],
      '-smbios',
      `type=1,manufacturer=OpenStack Foundation,product=OpenStack Nova,serial=${id},uuid=${id},family=Virtual Machine`,
      ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
      ...['-display', 'none'],
      ...['-chardev', `socket,id=qmp,path=${folder}/run/qmp.sock,server=on,wait=off`],
      ...['-mon', 'chardev=qmp,mode=control'],
      '-chardev',
      `socket,id=serial0,path=${folder}/run/serial.sock,server=on,wait=off,logfile=${folder}/console.log,logappend=on`,
      ...['-device', 'isa-serial,chardev=serial0,id=serial0'],
      ...['-vnc', `unix:${folder}/run/vnc.sock`],
      ...['-device', 'VGA,id=video0,vgamem_mb=16'],
      ...['-object', 'rng-random,id=rng0,filename=/dev/urandom'],
      ...['-device', 'virtio-rng-pci,rng=rng0,id=rng-device0'],
      ...['-device', 'virtio-balloon-pci,id=balloon0,free-page-reporting=on'],
      '-blockdev',
      `{"driver":"qcow2","node-name":"root","discard":"unmap","file":{"driver":"file","filename":"${folder}/disk","node-name":"root-file","locking":"on","discard":"unmap"}}`,
      ...['-device', '{"driver":"virtio-blk-pci","id":"disk-root","drive":"root","bootindex":1}'],
      '-blockdev',
      '{"driver":"raw","node-name":"vobLD1AAAQACAAAAAAAAAAQ","read-only":false,"discard":"unmap","file":{"driver":"file","filename":"/var/lib/nimbo/volumes/volume-a1b2c3d4","node-name":"vobLD1AAAQACAAAAAAAAAAQf","read-only":false,"locking":"on","discard":"unmap"}}',
      '-device',
      '{"driver":"virtio-blk-pci","id":"volume-a1b2c3d4-0000-4000-8000-000000000001","drive":"vobLD1AAAQACAAAAAAAAAAQ","serial":"a1b2c3d4-0000-4000-8"}',
      '-blockdev',
      `{"driver":"raw","node-name":"config","read-only":true,"file":{"driver":"file","filename":"${folder}/disk.config","node-name":"config-file","locking":"on","read-only":true}}`,
      ...['-device', '{"driver":"ide-cd","id":"disk-config","drive":"config","bus":"ide.0"}'],
      '-netdev',
      '{"type":"tap","id":"net-d605dd99-5277-4d0a-9c2a-6f9f8f6d2b11","ifname":"tapd605dd99-52","script":"no","downscript":"no","vnet_hdr":false}',
      '-device',
      '{"driver":"virtio-net-pci","id":"nic-d605dd99-5277-4d0a-9c2a-6f9f8f6d2b11","netdev":"net-d605dd99-5277-4d0a-9c2a-6f9f8f6d2b11","mac":"fa:16:3e:aa:bb:01","host_mtu":1450,"romfile":""}',
    ])
  })

  it('boots from the volume with boot index 0 where there is no image', () => {
    const volumes = [{ ...spec.volumes[0]!, bootIndex: 0, device: '/dev/vda' }]
    const words = qemuArguments({ ...launch, spec: { ...spec, volumes }, disks: [] }).filter((word) =>
      word.includes('bootindex'),
    )
    expect(words).toHaveLength(1)
    expect(words[0]).toContain('"id":"volume-a1b2c3d4-0000-4000-8000-000000000001"')
  })

  it('holds no way for a name to add options of its own', () => {
    const evil = { ...spec, name: 'x,readonly=on -device pwn', hostname: 'x,y' }
    expect(qemuArguments({ ...launch, spec: evil })).toEqual(qemuArguments(launch))
    const nics = [{ ...spec.nics[0]!, tap: 'tap0,script=/tmp/evil' }]
    expect(() => qemuArguments({ ...launch, spec: { ...spec, nics } })).toThrow(
      "can't be the name of a network device",
    )
  })

  it('leaves checksums to the host behind a Linux bridge', () => {
    const nics = [{ ...spec.nics[0]!, linkType: 'bridge' as const }]
    expect(qemuArguments({ ...launch, spec: { ...spec, nics } }).join(' ')).toContain('"vnet_hdr":true')
  })
})

describe('the files of a guest', () => {
  it('have the names and texts of rows 114, 115 and 119', () => {
    expect(layout.base('5c242396-3c7b-4bc6-bec1-3df8eb57d53d')).toBe(
      '/var/lib/nova/instances/_base/7312bbe40cc8bc765d86d2dbd58d0a57a83ee215',
    )
    expect(baseName('5c242396-3c7b-4bc6-bec1-3df8eb57d53d')).toBe('7312bbe40cc8bc765d86d2dbd58d0a57a83ee215')
    const info = diskInfoText({ [files.disk]: 'qcow2' })
    expect(info).toBe(`{"/var/lib/nova/instances/${id}/disk": "qcow2"}\n`)
    expect(info).toHaveLength(79)
    const nodes = computeNodesText({ 'linux-node1.example.com': 1462352406.123 })
    expect(nodes).toBe('{"linux-node1.example.com": 1462352406.123000}')
    expect(nodes).toHaveLength(46)
  })

  it('fit into a socket path or say so at once', () => {
    expect(() => openLayout(`/${'x'.repeat(60)}`)).toThrow('too long')
    const short = openLayout(`/${'x'.repeat(60)}`, '/run/nimbo').guest(id)
    expect(short.qmp).toBe(`/run/nimbo/${id}/qmp.sock`)
  })
})

describe('libvirt.xml', () => {
  const xml = domainXml(launch)

  it('is a domain with what the guest has', () => {
    expect(XMLValidator.validate(xml)).toBe(true)
    const { domain } = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '' }).parse(xml) as {
      domain: Record<string, never> & { devices: Record<string, never> }
    }
    expect(domain).toMatchObject({
      type: 'qemu',
      uuid: id,
      name: 'instance-0000002a',
      memory: 524_288,
      vcpu: 2,
      metadata: { 'nova:instance': { 'nova:name': 'hello <&> "world"', 'nova:flavor': { name: 'm1.tiny' } } },
    })
    const { disk, interface: nic, serial } = domain.devices
    expect(disk).toMatchObject([
      { source: { file: files.disk }, target: { dev: 'vda', bus: 'virtio' } },
      { source: { file: '/var/lib/nimbo/volumes/volume-a1b2c3d4' }, target: { dev: 'vdb' } },
      { device: 'cdrom', target: { bus: 'ide' } },
    ])
    expect(nic).toMatchObject({ mac: { address: 'fa:16:3e:aa:bb:01' }, target: { dev: 'tapd605dd99-52' } })
    expect(serial).toMatchObject({ log: { file: files.console } })
  })

  it('is of the size that row 120 tells', () => {
    expect(xml.length).toBeGreaterThan(2000)
    expect(xml.length).toBeLessThan(5000)
  })

  it('survives names that XML has no characters for', () => {
    expect(XMLValidator.validate(domainXml({ ...launch, spec: { ...spec, name: 'a\u0000b\u001bc' } }))).toBe(
      true,
    )
  })
})

describe('the boot sector that tries KVM', () => {
  it('is one sector with the mark of a boot sector', () => {
    const sector = bootSector()
    expect(sector).toHaveLength(512)
    expect(sector.readUInt16LE(510)).toBe(0xaa55)
  })
})

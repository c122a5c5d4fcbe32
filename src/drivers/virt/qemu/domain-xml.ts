// libvirt.xml: a record of the guest in the words that tools for libvirt read. Nothing reads it back here; it is
// written anew at each start, so that edits by hand never last (row 122).
import { domainName, type GuestNic, type GuestVolume } from '../driver.ts'
import type { Launch, OwnDisk } from './arguments.ts'

export function domainXml({ spec, files, accel, disks, hasConfigDrive }: Launch): string {
  const letters = 'abcdefghijklmnopqrstuvwxyz'
  return `<domain type="${accel === 'kvm' ? 'kvm' : 'qemu'}">
  <uuid>${spec.id}</uuid>
  <name>${domainName(spec.number)}</name>
  <memory>${spec.memoryMb * 1024}</memory>
  <vcpu>${spec.vcpus}</vcpu>
  <metadata>
    <nova:instance xmlns:nova="http://openstack.org/xmlns/libvirt/nova/1.1">
      <nova:name>${text(spec.name)}</nova:name>
      <nova:creationTime>${new Date(spec.createdAt).toISOString().slice(0, 19).replace('T', ' ')}</nova:creationTime>
      <nova:flavor name="${text(spec.flavorName)}">
        <nova:memory>${spec.memoryMb}</nova:memory>
        <nova:disk>${spec.rootGb}</nova:disk>
        <nova:swap>${spec.swapMb}</nova:swap>
        <nova:ephemeral>${spec.ephemeralGb}</nova:ephemeral>
        <nova:vcpus>${spec.vcpus}</nova:vcpus>
      </nova:flavor>
      <nova:owner>
${spec.userId ? `        <nova:user uuid="${text(spec.userId)}">${text(spec.userName ?? '')}</nova:user>\n` : ''}        <nova:project uuid="${text(spec.projectId)}">${text(spec.projectName ?? '')}</nova:project>
      </nova:owner>
${spec.image ? `      <nova:root type="image" uuid="${text(spec.image.id)}"/>\n` : ''}    </nova:instance>
  </metadata>
  <sysinfo type="smbios">
    <system>
      <entry name="manufacturer">OpenStack Foundation</entry>
      <entry name="product">OpenStack Nova</entry>
      <entry name="serial">${spec.id}</entry>
      <entry name="uuid">${spec.id}</entry>
      <entry name="family">Virtual Machine</entry>
    </system>
  </sysinfo>
  <os>
    <type arch="x86_64" machine="pc">hvm</type>
    <boot dev="hd"/>
    <smbios mode="sysinfo"/>
  </os>
  <features>
    <acpi/>
    <apic/>
  </features>
  <clock offset="utc">
    <timer name="pit" tickpolicy="delay"/>
    <timer name="rtc" tickpolicy="catchup"/>
  </clock>
  <cpu mode="${accel === 'kvm' ? 'host-passthrough' : 'maximum'}">
    <topology sockets="${spec.vcpus}" cores="1" threads="1"/>
  </cpu>
  <devices>
${disks.map((disk, i) => ownDisk(disk, `vd${letters[i]}`)).join('')}${spec.volumes.map(volumeDisk).join('')}${hasConfigDrive ? configDrive(files.configDrive) : ''}${spec.nics.map(nicElement).join('')}    <serial type="unix">
      <source mode="bind" path="${text(files.serial)}"/>
      <log file="${text(files.console)}" append="on"/>
    </serial>
    <graphics type="vnc" socket="${text(files.vnc)}"/>
    <video>
      <model type="vga"/>
    </video>
    <rng model="virtio">
      <backend model="random">/dev/urandom</backend>
    </rng>
    <memballoon model="virtio" freePageReporting="on"/>
  </devices>
</domain>
`
}

function ownDisk(disk: OwnDisk, device: string): string {
  return `    <disk type="file" device="disk">
      <driver name="qemu" type="${disk.format}" discard="unmap"/>
      <source file="${text(disk.path)}"/>
      <target bus="virtio" dev="${device}"/>
    </disk>
`
}

function volumeDisk(volume: GuestVolume): string {
  const block = volume.path.startsWith('/dev/')
  return `    <disk type="${block ? 'block' : 'file'}" device="disk">
      <driver name="qemu" type="${volume.format}" discard="unmap"/>
      <source ${block ? 'dev' : 'file'}="${text(volume.path)}"/>
      <target bus="virtio" dev="${text(volume.device.replace('/dev/', ''))}"/>
${volume.readOnly ? '      <readonly/>\n' : ''}      <serial>${text(volume.serial)}</serial>
    </disk>
`
}

function configDrive(path: string): string {
  return `    <disk type="file" device="cdrom">
      <driver name="qemu" type="raw"/>
      <source file="${text(path)}"/>
      <target bus="ide" dev="hda"/>
      <readonly/>
    </disk>
`
}

function nicElement(nic: GuestNic): string {
  return `    <interface type="ethernet">
      <mac address="${text(nic.mac)}"/>
      <model type="virtio"/>
      <mtu size="${nic.mtu}"/>
      <target dev="${text(nic.tap)}" managed="no"/>
    </interface>
`
}

/** XML 1.0 has no place for most control characters, not even escaped; names may hold them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to drop
const impossible = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g
const marks: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

function text(value: string): string {
  return value.replace(impossible, '').replace(/[&<>"]/g, (mark) => marks[mark]!)
}

// Where a guest's files lie and what the small ones say: Nova's layout of /var/lib/nova/instances, which operators
// and their scripts know (rows 112-122 of the checklist).
import { createHash } from 'node:crypto'
import { CloudError } from '#kit/errors/cloud-error.ts'

/** sockaddr_un holds 108 bytes, one of them the final zero. */
const longestSocketPath = 107

export type GuestFiles = ReturnType<Layout['guest']>
export type Layout = ReturnType<typeof openLayout>

export function openLayout(folder: string, runFolder?: string) {
  const longest = `${runFolder ?? folder}/${'x'.repeat(36)}/${runFolder ? '' : 'run/'}serial.sock`
  if (Buffer.byteLength(longest) > longestSocketPath) {
    throw new CloudError(
      'badRequest',
      `The path ${runFolder ?? folder} is too long for sockets below it; name a shorter run folder.`,
    )
  }
  return {
    folder,
    baseFolder: `${folder}/_base`,
    lockFolder: `${folder}/locks`,
    computeNodes: `${folder}/compute_nodes`,
    base: (imageId: string) => `${folder}/_base/${baseName(imageId)}`,
    guest(id: string) {
      const own = `${folder}/${id}`
      const run = runFolder ? `${runFolder}/${id}` : `${own}/run`
      return {
        folder: own,
        disk: `${own}/disk`,
        ephemeral: `${own}/disk.eph0`,
        swap: `${own}/disk.swap`,
        configDrive: `${own}/disk.config`,
        diskInfo: `${own}/disk.info`,
        definition: `${own}/libvirt.xml`,
        console: `${own}/console.log`,
        /** Ours: the specification, who runs it, and what QEMU said. */
        record: `${own}/guest.json`,
        pid: `${own}/pid`,
        log: `${own}/qemu.log`,
        run,
        qmp: `${run}/qmp.sock`,
        vnc: `${run}/vnc.sock`,
        serial: `${run}/serial.sock`,
      }
    },
  }
}

/** Nova names a cached image by the SHA-1 of its id's text. */
export function baseName(imageId: string): string {
  return createHash('sha1').update(imageId).digest('hex')
}

/** Formats of a guest's disks by path, as Python's json.dumps writes them; one newline ends it. */
export function diskInfoText(formats: Record<string, string>): string {
  return `{${Object.entries(formats)
    .map(([path, format]) => `${JSON.stringify(path)}: ${JSON.stringify(format)}`)
    .join(', ')}}\n`
}

/** Hosts that share the folder and when each last said so, in seconds with six decimals, as Python prints a time. */
export function computeNodesText(nodes: Record<string, number>): string {
  return `{${Object.entries(nodes)
    .map(([host, seconds]) => `${JSON.stringify(host)}: ${seconds.toFixed(6)}`)
    .join(', ')}}`
}

export const guestIdPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

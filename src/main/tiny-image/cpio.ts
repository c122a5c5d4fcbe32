// The "newc" archive that Linux unpacks as its first root file system.
// Layout: Documentation/driver-api/early-userspace/buffer-format.rst of the kernel.
import type { Entry } from './entry.ts'

const typeBits = { folder: 0o040000, file: 0o100000, link: 0o120000, device: 0o020000 } as const

/** The archive of the entries in their order; a folder has to come before what lies in it. */
export function cpioArchive(entries: readonly Entry[]): Buffer {
  const parts = entries.flatMap((entry, index) => member(entry, index + 1))
  return Buffer.concat([...parts, ...record('TRAILER!!!', 0, 0, 1, Buffer.alloc(0))])
}

function member(entry: Entry, inode: number): Buffer[] {
  const permissions = entry.kind === 'link' ? 0o777 : entry.mode
  const body = bodyOf(entry)
  const device = entry.kind === 'device' ? { major: entry.major, minor: entry.minor } : undefined
  return record(
    entry.path.replace(/^\//, ''),
    inode,
    typeBits[entry.kind] | permissions,
    1,
    body,
    ownerOf(entry),
    device,
  )
}

function bodyOf(entry: Entry): Buffer {
  if (entry.kind === 'file') return entry.content
  return entry.kind === 'link' ? Buffer.from(entry.target) : Buffer.alloc(0)
}

function ownerOf(entry: Entry): { uid: number; gid: number } {
  if (entry.kind === 'link' || entry.kind === 'device') return { uid: 0, gid: 0 }
  return { uid: entry.uid ?? 0, gid: entry.gid ?? 0 }
}

function record(
  name: string,
  inode: number,
  mode: number,
  links: number,
  body: Buffer,
  owner = { uid: 0, gid: 0 },
  device = { major: 0, minor: 0 },
): Buffer[] {
  const fields = [
    inode,
    mode,
    owner.uid,
    owner.gid,
    links,
    0,
    body.length,
    0,
    0,
    device.major,
    device.minor,
    name.length + 1,
    0,
  ]
  const header = `070701${fields.map((field) => field.toString(16).toUpperCase().padStart(8, '0')).join('')}${name}\0`
  return [padded(Buffer.from(header, 'latin1')), padded(body)]
}

/** Header with name, and body, each end on a multiple of four. */
function padded(bytes: Buffer): Buffer {
  const rest = bytes.length % 4
  return rest === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(4 - rest)])
}

// A CD image out of a few small files: config drives, which cloud-init looks for by their label.
// ECMA-119 with Rock Ridge names and modes (Linux, BSD) and a Joliet tree (Windows), as `genisoimage -J -r` gives.
import { CloudError } from '../errors/cloud-error.ts'
import { type Folder, folderTree, type Node } from './tree.ts'

const sector = 2048
const firstFree = 19 // 16 primary descriptor, 17 Joliet descriptor, 18 terminator

export type CdImage = {
  /** At most 16 ASCII characters, so that Joliet can hold it too: 'config-2'. */
  label: string
  /** Contents by path without a leading slash. */
  files: Record<string, string | Uint8Array>
  /** Milliseconds since the epoch: the time on everything in it. */
  at: number
}

/** How one of the two trees writes names, and what else it says of an entry. */
type Dialect = {
  nameBytes(node: Node): Buffer
  /** Rock Ridge fields of an entry; `self` is a folder's own record. */
  extra(node: Node, place: 'self' | 'parent' | 'entry', isRoot: boolean): Buffer
}

export function buildCdImage(image: CdImage): Buffer {
  if (!/^[\x20-\x7e]{1,16}$/.test(image.label))
    throw new CloudError('internal', `'${image.label}' can't label a CD.`)
  const root = folderTree(image.files)
  const plain = planTree(root, rockRidge, firstFree)
  const joliet = planTree(root, jolietNames, plain.end)
  const contents = placeFiles(root, joliet.end)

  const out = Buffer.alloc(contents.end * sector)
  const date = shortDate(image.at)
  for (const plan of [plain, joliet]) {
    writePathTables(out, plan)
    for (const folder of plan.folders) writeFolder(out, plan, folder, contents.at, date)
  }
  for (const [node, at] of contents.at) node.content!.copy(out, at * sector)
  writeDescriptor(out, 16, image, plain, contents.end, date)
  writeDescriptor(out, 17, image, joliet, contents.end, date)
  out.write('\xffCD001\x01', 18 * sector, 'latin1')
  return out
}

type Plan = {
  dialect: Dialect
  /** In the order of the path table: level by level, by name within a parent. */
  folders: Folder[]
  at: Map<Folder, number>
  bytes: Map<Folder, number>
  tableAt: number
  tableBytes: number
  end: number
}

function planTree(root: Folder, dialect: Dialect, start: number): Plan {
  const folders: Folder[] = [root]
  for (const folder of folders)
    folders.push(...sorted(folder, dialect).filter((node): node is Folder => node.children !== undefined))
  const tableBytes = folders.reduce(
    (sum, folder, i) => sum + pathRecordLength(i === 0 ? 1 : dialect.nameBytes(folder).length),
    0,
  )
  const tableSectors = sectorsFor(tableBytes)
  const at = new Map<Folder, number>()
  const bytes = new Map<Folder, number>()
  let next = start + 2 * tableSectors
  for (const folder of folders) {
    const size = folderBytes(folder, dialect, folder === root)
    at.set(folder, next)
    bytes.set(folder, size)
    next += size / sector
  }
  return { dialect, folders, at, bytes, tableAt: start, tableBytes, end: next }
}

function placeFiles(root: Folder, start: number) {
  const at = new Map<Node, number>()
  let end = start
  const visit = (folder: Folder) => {
    for (const node of folder.children) {
      if (node.children) visit(node as Folder)
      else {
        at.set(node, end)
        end += sectorsFor(node.content!.length)
      }
    }
  }
  visit(root)
  return { at, end }
}

/** A record never crosses a sector's end; the rest of the sector stays zero. */
function packed(records: Buffer[]): { offsets: number[]; bytes: number } {
  let at = 0
  const offsets = records.map((record) => {
    if ((at % sector) + record.length > sector) at = Math.ceil(at / sector) * sector
    const offset = at
    at += record.length
    return offset
  })
  return { offsets, bytes: sectorsFor(at) * sector }
}

function folderBytes(folder: Folder, dialect: Dialect, isRoot: boolean): number {
  return packed(folderRecords(folder, dialect, isRoot, () => [0, 0], Buffer.alloc(7))).bytes
}

function folderRecords(
  folder: Folder,
  dialect: Dialect,
  isRoot: boolean,
  extent: (node: Node) => [number, number],
  date: Buffer,
): Buffer[] {
  const parent = folder.parent ?? folder
  return [
    record(Buffer.from([0]), true, extent(folder), date, dialect.extra(folder, 'self', isRoot)),
    record(Buffer.from([1]), true, extent(parent), date, dialect.extra(parent, 'parent', isRoot)),
    ...sorted(folder, dialect).map((node) =>
      record(
        dialect.nameBytes(node),
        node.children !== undefined,
        extent(node),
        date,
        dialect.extra(node, 'entry', isRoot),
      ),
    ),
  ]
}

function writeFolder(out: Buffer, plan: Plan, folder: Folder, files: Map<Node, number>, date: Buffer): void {
  const extent = (node: Node): [number, number] =>
    node.children
      ? [plan.at.get(node as Folder)!, plan.bytes.get(node as Folder)!]
      : [files.get(node)!, node.content!.length]
  const records = folderRecords(folder, plan.dialect, folder === plan.folders[0], extent, date)
  const { offsets } = packed(records)
  for (const [i, one] of records.entries()) one.copy(out, plan.at.get(folder)! * sector + offsets[i]!)
}

/** ECMA-119 9.1. */
function record(
  name: Buffer,
  isFolder: boolean,
  [at, size]: [number, number],
  date: Buffer,
  extra: Buffer,
): Buffer {
  const head = 33 + name.length + (name.length % 2 === 0 ? 1 : 0)
  const out = Buffer.alloc(head + extra.length + (extra.length % 2))
  out[0] = out.length
  both32(out, 2, at)
  both32(out, 10, size)
  date.copy(out, 18)
  out[25] = isFolder ? 2 : 0
  both16(out, 28, 1)
  out[32] = name.length
  name.copy(out, 33)
  extra.copy(out, head)
  return out
}

function writePathTables(out: Buffer, plan: Plan): void {
  const second = plan.tableAt + sectorsFor(plan.tableBytes)
  for (const [start, big] of [
    [plan.tableAt, false],
    [second, true],
  ] as const) {
    let offset = start * sector
    for (const [i, folder] of plan.folders.entries()) {
      const name = i === 0 ? Buffer.from([0]) : plan.dialect.nameBytes(folder)
      const parent = folder.parent ? plan.folders.indexOf(folder.parent) + 1 : 1
      out[offset] = name.length
      if (big) {
        out.writeUInt32BE(plan.at.get(folder)!, offset + 2)
        out.writeUInt16BE(parent, offset + 6)
      } else {
        out.writeUInt32LE(plan.at.get(folder)!, offset + 2)
        out.writeUInt16LE(parent, offset + 6)
      }
      name.copy(out, offset + 8)
      offset += pathRecordLength(name.length)
    }
  }
}

/** ECMA-119 8.4, and 8.5 for Joliet. */
function writeDescriptor(
  out: Buffer,
  at: number,
  image: CdImage,
  plan: Plan,
  sectors: number,
  date: Buffer,
): void {
  const isJoliet = plan.dialect === jolietNames
  const text = (value: string, length: number, offset: number) => {
    const padded = value.padEnd(isJoliet ? length / 2 : length)
    ;(isJoliet ? utf16(padded) : Buffer.from(padded, 'latin1')).copy(out, at * sector + offset, 0, length)
  }
  const start = at * sector
  out[start] = isJoliet ? 2 : 1
  out.write('CD001\x01', start + 1, 'latin1')
  text('LINUX', 32, 8)
  text(image.label, 32, 40)
  both32(out, start + 80, sectors)
  if (isJoliet) out.write('%/E', start + 88, 'latin1')
  both16(out, start + 120, 1)
  both16(out, start + 124, 1)
  both16(out, start + 128, sector)
  both32(out, start + 132, plan.tableBytes)
  out.writeUInt32LE(plan.tableAt, start + 140)
  out.writeUInt32BE(plan.tableAt + sectorsFor(plan.tableBytes), start + 148)
  const root = plan.folders[0]!
  record(Buffer.from([0]), true, [plan.at.get(root)!, plan.bytes.get(root)!], date, Buffer.alloc(0)).copy(
    out,
    start + 156,
  )
  for (const offset of [190, 318, 446, 574]) text('', 128, offset)
  for (const offset of [702, 739, 776]) text('', 36, offset)
  for (const offset of [813, 830]) out.write(longDate(image.at), start + offset, 'latin1')
  for (const offset of [847, 864]) out.write(`${'0'.repeat(16)}\0`, start + offset, 'latin1')
  out[start + 881] = 1
}

const rockRidge: Dialect = {
  nameBytes: (node) => Buffer.from(node.shortName, 'latin1'),
  extra: (node, place, isRoot) => {
    const isFolder = node.children !== undefined
    const fields = [posixField(isFolder ? 0o40555 : 0o100444, isFolder ? 2 : 1)]
    // The root's own record tells that the fields follow SUSP ("SP") and whose they are ("ER").
    if (place === 'self' && isRoot) {
      fields.unshift(Buffer.from([0x53, 0x50, 7, 1, 0xbe, 0xef, 0]))
      fields.push(Buffer.concat([Buffer.from([0x45, 0x52, 18, 1, 10, 0, 0, 1]), Buffer.from('RRIP_1991A')]))
    }
    if (place === 'entry') {
      const name = Buffer.from(node.name, 'utf8')
      fields.push(Buffer.concat([Buffer.from([0x4e, 0x4d, 5 + name.length, 1, 0]), name]))
    }
    return Buffer.concat(fields)
  },
}

const jolietNames: Dialect = {
  nameBytes: (node) => utf16(node.children ? node.name : `${node.name};1`),
  extra: () => Buffer.alloc(0),
}

/** Rock Ridge "PX": mode, links, owner, group. */
function posixField(mode: number, links: number): Buffer {
  const field = Buffer.alloc(36)
  field.set([0x50, 0x58, 36, 1])
  both32(field, 4, mode)
  both32(field, 12, links)
  return field
}

function sorted(folder: Folder, dialect: Dialect): Node[] {
  return [...folder.children].sort((a, b) => Buffer.compare(dialect.nameBytes(a), dialect.nameBytes(b)))
}

function pathRecordLength(name: number): number {
  return 8 + name + (name % 2)
}

function sectorsFor(bytes: number): number {
  return Math.ceil(bytes / sector)
}

function utf16(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16()
}

function both16(out: Buffer, at: number, value: number): void {
  out.writeUInt16LE(value, at)
  out.writeUInt16BE(value, at + 2)
}

function both32(out: Buffer, at: number, value: number): void {
  out.writeUInt32LE(value, at)
  out.writeUInt32BE(value, at + 4)
}

function shortDate(at: number): Buffer {
  const d = new Date(at)
  return Buffer.from([
    d.getUTCFullYear() - 1900,
    d.getUTCMonth() + 1,
    d.getUTCDate(),
    d.getUTCHours(),
    d.getUTCMinutes(),
    d.getUTCSeconds(),
    0,
  ])
}

function longDate(at: number): string {
  return `${new Date(at).toISOString().replace(/\D/g, '').slice(0, 14)}00\0`
}

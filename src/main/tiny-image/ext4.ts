// Fills an ext4 image without mounting it and without being root: a script for debugfs, which sets owners and modes too.
import type { Entry } from './entry.ts'

/** `sourceOf(entry)` names the host's file that holds a file's bytes. */
export function fillScript(entries: readonly Entry[], sourceOf: (index: number) => string): string {
  const lines = entries.flatMap((entry, index) => linesOf(entry, sourceOf(index)))
  return `${lines.join('\n')}\n`
}

function linesOf(entry: Entry, source: string): string[] {
  // debugfs takes a bare name for new files, links and devices: it has to stand in their folder.
  const enter = [`cd ${entry.path.slice(0, entry.path.lastIndexOf('/')) || '/'}`]
  const name = entry.path.slice(entry.path.lastIndexOf('/') + 1)
  switch (entry.kind) {
    case 'folder':
      return [
        ...enter,
        ...(entry.path === '/' ? [] : [`mkdir ${name}`]),
        ...owned(entry.path, 0o040000 | entry.mode, entry),
      ]
    case 'file':
      return [...enter, `write ${source} ${name}`, ...owned(entry.path, 0o100000 | entry.mode, entry)]
    case 'link':
      return [...enter, `symlink ${name} ${entry.target}`]
    case 'device':
      return [
        ...enter,
        `mknod ${name} c ${entry.major} ${entry.minor}`,
        ...owned(entry.path, 0o020000 | entry.mode, {}),
      ]
  }
}

function owned(path: string, mode: number, owner: { uid?: number; gid?: number }): string[] {
  return [
    `sif ${path} mode 0${mode.toString(8)}`,
    `sif ${path} uid ${owner.uid ?? 0}`,
    `sif ${path} gid ${owner.gid ?? 0}`,
  ]
}

/** The extended attribute `security.capability` that grants one capability: revision 2, effective. */
export function fileCapability(number: number): Buffer {
  const bytes = Buffer.alloc(20)
  bytes.writeUInt32LE(0x02000001, 0)
  bytes.writeUInt32LE(1 << number, 4)
  return bytes
}

// What lies in a guest's file system, as data: the same list becomes an initrd (cpio) or a root partition (ext4).

export type Owner = { uid?: number; gid?: number }

export type Entry =
  | ({ kind: 'folder'; path: string; mode: number } & Owner)
  | ({ kind: 'file'; path: string; mode: number; content: Buffer } & Owner)
  | { kind: 'link'; path: string; target: string }
  | { kind: 'device'; path: string; mode: number; major: number; minor: number }

/** A folder for each path, owned by root, readable by all unless told otherwise. */
export function folders(paths: readonly string[], mode = 0o755): Entry[] {
  return paths.map((path) => ({ kind: 'folder', path, mode }))
}

export function file(path: string, content: string | Buffer, mode = 0o644, owner: Owner = {}): Entry {
  return {
    kind: 'file',
    path,
    mode,
    content: typeof content === 'string' ? Buffer.from(content) : content,
    ...owner,
  }
}

export function link(path: string, target: string): Entry {
  return { kind: 'link', path, target }
}

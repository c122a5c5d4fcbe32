// Paths as a tree of folders, each entry with the short name that plain ISO 9660 allows.
import { CloudError } from '../errors/cloud-error.ts'

export type Node = {
  name: string
  /** At most 31 characters of A-Z, 0-9 and _, unique in its folder; files end in ';1'. */
  shortName: string
  parent?: Folder
  children?: Node[]
  content?: Buffer
}
export type Folder = Node & { children: Node[] }

export function folderTree(files: Record<string, string | Uint8Array>): Folder {
  const root: Folder = { name: '', shortName: '\0', children: [] }
  for (const [path, content] of Object.entries(files)) {
    const names = path.split('/')
    if (names.some((name) => name === '' || name === '.' || name === '..' || Buffer.byteLength(name) > 100)) {
      throw new CloudError('badRequest', `'${path}' can't be a path on a CD.`)
    }
    let folder = root
    for (const name of names.slice(0, -1)) folder = subfolder(folder, name, path)
    const name = names.at(-1)!
    if (folder.children.some((node) => node.name === name)) throw clash(path)
    folder.children.push({
      name,
      shortName: shortName(folder, name, true),
      parent: folder,
      content: Buffer.from(content),
    })
  }
  return root
}

function subfolder(folder: Folder, name: string, path: string): Folder {
  const found = folder.children.find((node) => node.name === name)
  if (found) {
    if (!found.children) throw clash(path)
    return found as Folder
  }
  const made: Folder = { name, shortName: shortName(folder, name, false), parent: folder, children: [] }
  folder.children.push(made)
  return made
}

function shortName(folder: Folder, name: string, isFile: boolean): string {
  const dot = isFile ? name.lastIndexOf('.') : -1
  const clean = (text: string) => text.toUpperCase().replace(/[^A-Z0-9]/g, '_')
  const stem = clean(dot > 0 ? name.slice(0, dot) : name).slice(0, 16)
  const end = isFile ? `.${dot > 0 ? clean(name.slice(dot + 1)).slice(0, 8) : ''};1` : ''
  for (let i = 0; ; i++) {
    const tried = `${stem}${i === 0 ? '' : `_${i}`}${end}`
    if (!folder.children.some((node) => node.shortName === tried)) return tried
  }
}

function clash(path: string): CloudError {
  return new CloudError('badRequest', `'${path}' is on the CD twice, or as a file and a folder.`)
}

// The management page as files: TypeScript for browsers is sent with its types taken out, so that nothing is built.
import { createHash } from 'node:crypto'
import { stripTypeScriptTypes } from 'node:module'
import type { World } from '#kit/world/world.ts'

export type PageFile = { type: string; body: Buffer; headers: Record<string, string> }

/** What is at a path such as '/' or '/part/table.ts'; undefined where nothing is. */
export type Page = (path: string) => Promise<PageFile | undefined>

const types: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  ts: 'text/javascript; charset=utf-8',
}

/** Scripts and styles from here alone, none within the document: a name that slips in as markup still runs nothing. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** `folder` holds index.html and what it loads. Files are read when they are first asked for, and kept. */
export function openPage(world: World, folder: string): Page {
  const kept = new Map<string, Promise<PageFile | undefined>>()
  return (path) => {
    const name = path === '/' ? 'index.html' : path.slice(1)
    // Plain names only: nothing leads out of the folder, and no hidden file is shown.
    const match = /^(?:[a-z-]+\/)*[a-z-]+\.(html|css|svg|ts)$/.exec(name)
    if (!match) return Promise.resolve(undefined)
    let file = kept.get(name)
    if (!file) {
      file = read(world, `${folder}/${name}`, match[1]!)
      kept.set(name, file)
      // Nothing stays of a name that there isn't: anybody may ask for any.
      file.then(
        (found) => found ?? kept.delete(name),
        () => kept.delete(name),
      )
    }
    return file
  }
}

async function read(world: World, path: string, ending: string): Promise<PageFile | undefined> {
  if (!(await world.files.info(path))?.isFile) return undefined
  const text = await world.files.readText(path)
  const body = Buffer.from(ending === 'ts' ? stripTypeScriptTypes(text) : text)
  return {
    type: types[ending]!,
    body,
    headers: {
      'content-security-policy': policy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      // Asked for anew each time, and sent only after an upgrade.
      'cache-control': 'no-cache',
      etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
    },
  }
}

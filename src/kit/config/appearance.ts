// How files that an operator edits are seen to have changed, so that a running process takes them in without a restart.
import type { Files } from '../world/world.ts'

/** Another text when one of them is written, put in another's place, added or removed. */
export async function appearanceOf(files: Pick<Files, 'info'>, paths: readonly string[]): Promise<string> {
  const infos = await Promise.all(paths.map((path) => files.info(path)))
  return infos.map((info, at) => `${paths[at]} ${info?.mtimeMs} ${info?.size} ${info?.inode}`).join('\n')
}

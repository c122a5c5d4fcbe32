// Keys on disk as keystone keeps them: files named by number, 0 staged for the next turn, the highest the primary.
// A staged key is known to all controllers before any of them signs with it, so turning breaks no token.
import { CloudError } from '../errors/cloud-error.ts'
import type { World } from '../world/world.ts'
import { type FernetKey, fernetKey } from './fernet.ts'

export type KeyRepository = {
  /** The primary first, then older ones, then the staged one: the order in which a token is tried. */
  readonly keys: readonly FernetKey[]
  readonly primary: FernetKey
  /** Reads the folder again: another process may have turned the keys. */
  reload(): Promise<void>
}

export type KeyOptions = {
  /** Staged, primary and old ones together; at least 2. keystone's default is 3. */
  maxActiveKeys?: number
}

/** Makes the folder and its first two keys where they are missing. Throws kind 'unavailable' where it cannot be trusted. */
export async function openKeyRepository(world: World, folder: string): Promise<KeyRepository> {
  await world.files.makeFolder(folder, { mode: 0o700 })
  const numbers = await keyNumbers(world, folder)
  // Also what is left to do after a crash between the two renames of a turn.
  if (!numbers.includes(0)) await writeKey(world, folder, 0)
  if (!numbers.some((number) => number > 0)) await writeKey(world, folder, 1)
  let keys = await readKeys(world, folder)
  return {
    get keys() {
      return keys
    },
    get primary() {
      return keys[0]!
    },
    async reload() {
      keys = await readKeys(world, folder)
    },
  }
}

/** The staged key becomes the primary, a new one is staged, and the oldest beyond the limit go. */
export async function rotateKeys(world: World, folder: string, options: KeyOptions = {}): Promise<void> {
  const maxActiveKeys = Math.max(2, options.maxActiveKeys ?? 3)
  const numbers = await keyNumbers(world, folder)
  if (!numbers.includes(0)) await writeKey(world, folder, 0)
  const primary = Math.max(0, ...numbers) + 1
  await world.files.rename(`${folder}/0`, `${folder}/${primary}`)
  await writeKey(world, folder, 0)
  const inUse = [...numbers.filter((number) => number > 0), primary].sort((a, b) => b - a)
  for (const number of inUse.slice(maxActiveKeys - 1)) await world.files.remove(`${folder}/${number}`)
}

async function writeKey(world: World, folder: string, number: number): Promise<void> {
  // Padded, as other Fernet libraries demand of a key.
  const text = world.random.bytes(32).toString('base64').replaceAll('+', '-').replaceAll('/', '_')
  await world.files.writeAtomic(`${folder}/${number}`, text, { mode: 0o600 })
}

async function keyNumbers(world: World, folder: string): Promise<number[]> {
  const names = await world.files.list(folder)
  return names.filter((name) => /^(0|[1-9]\d*)$/.test(name)).map(Number)
}

async function readKeys(world: World, folder: string): Promise<FernetKey[]> {
  const numbers = (await keyNumbers(world, folder)).sort((a, b) => b - a)
  if (numbers.length === 0) throw new CloudError('unavailable', `There are no token keys in ${folder}`)
  return Promise.all(
    numbers.map(async (number) => {
      const path = `${folder}/${number}`
      const info = await world.files.info(path)
      if (info && info.mode & 0o077)
        throw new CloudError(
          'unavailable',
          `Others may read the token key ${path}; run: chmod 600 ${path}, and rotate the keys`,
        )
      try {
        return fernetKey(await world.files.readText(path))
      } catch (error) {
        throw new CloudError('unavailable', `The token key ${path} cannot be used`, { cause: error })
      }
    }),
  )
}

// Keys on disk as keystone keeps them: files named by number, 0 staged for the next turn, the highest the primary.
// A staged key is known to all controllers before any of them signs with it, so turning breaks no token.
import { CloudError } from '../errors/cloud-error.ts'
import type { World } from '../world/world.ts'
import { type FernetKey, fernetKey } from './fernet.ts'

/** What a folder's keys are. */
export type KeyKind<K> = {
  /** A new key as its file holds it. */
  make(world: Pick<World, 'random'>): string
  /** Throws where the text is no such key. */
  read(text: string): K
}

export const fernetKeys: KeyKind<FernetKey> = {
  // Padded, as other Fernet libraries demand of a key.
  make: ({ random }) => random.bytes(32).toString('base64').replaceAll('+', '-').replaceAll('/', '_'),
  read: fernetKey,
}

export type KeyRepository<K = FernetKey> = {
  /** The primary first, then older ones, then the staged one: the order in which a token is tried. */
  readonly keys: readonly K[]
  readonly primary: K
  /** Reads the folder again: another process may have turned the keys. */
  reload(): Promise<void>
  /** The same, where the folder has changed since; says whether it had. Costs one look at a file. */
  refresh(): Promise<boolean>
}

export type TurnOptions = {
  /** Staged, primary and old ones together; at least 2. keystone's default is 3. */
  maxActiveKeys?: number
}

/** Makes the folder and its first two keys where they are missing. Throws kind 'unavailable' where it cannot be trusted. */
export async function openKeyRepository<K>(
  world: World,
  folder: string,
  kind: KeyKind<K>,
): Promise<KeyRepository<K>> {
  await world.files.makeFolder(folder, { mode: 0o700 })
  const numbers = await keyNumbers(world, folder)
  if (!numbers.includes(0)) await writeKey(world, folder, 0, kind)
  if (!numbers.some((number) => number > 0)) await writeKey(world, folder, 1, kind)
  let seen = await turnOf(world, folder)
  let keys = await readKeys(world, folder, kind)
  const reload = async () => {
    // Looked at before the keys are read: a turn in between is found by the next look.
    const turn = await turnOf(world, folder)
    keys = await readKeys(world, folder, kind)
    seen = turn
  }
  return {
    get keys() {
      return keys
    },
    get primary() {
      return keys[0]!
    },
    reload,
    async refresh() {
      if ((await turnOf(world, folder)) === seen) return false
      await reload()
      return true
    },
  }
}

/**
 * The staged key becomes the primary, a new one is staged, and the oldest beyond the limit go. May be stopped anywhere and
 * run by several at once: no key is ever overwritten by another. Throws kind 'conflict' where another turns them just now.
 */
export async function rotateKeys(
  world: World,
  folder: string,
  kind: Pick<KeyKind<unknown>, 'make'>,
  options: TurnOptions = {},
): Promise<void> {
  const maxActiveKeys = Math.max(2, options.maxActiveKeys ?? 3)
  const numbers = await keyNumbers(world, folder)
  let primary = Math.max(0, ...numbers)
  if (numbers.includes(0) && !(await isStagedToo(world, folder, primary))) {
    primary++
    await link(world, folder, primary)
    await world.files.syncFolder(folder)
  }
  // Also what was left undone by a turn that was stopped here: the key that it made primary is still the staged one.
  await writeKey(world, folder, 0, kind)
  const inUse = (await keyNumbers(world, folder)).filter((number) => number > 0).sort((a, b) => b - a)
  for (const number of inUse.slice(maxActiveKeys - 1)) await world.files.remove(`${folder}/${number}`)
}

/** Only for what has been sealed anew: nothing that an old key made can be read without it. */
export async function dropOldKeys(world: World, folder: string): Promise<void> {
  const inUse = (await keyNumbers(world, folder)).filter((number) => number > 0).sort((a, b) => b - a)
  for (const number of inUse.slice(1)) await world.files.remove(`${folder}/${number}`)
}

/** Fails where the number is taken, and so never puts one key in the place of another. */
async function link(world: World, folder: string, primary: number): Promise<void> {
  try {
    await world.files.link(`${folder}/0`, `${folder}/${primary}`)
  } catch (error) {
    if (!(await world.files.exists(`${folder}/${primary}`))) throw error
    const message = `The keys in ${folder} are being turned by another process`
    throw new CloudError('conflict', message, { cause: error })
  }
}

export type KeyFile = { number: number; state: 'staged' | 'primary' | 'old'; since: number }

/** What is in a folder, the primary first; empty where there is none. `since`, in milliseconds, is when it was made. */
export async function listKeys(world: World, folder: string): Promise<KeyFile[]> {
  if (!(await world.files.exists(folder))) return []
  const numbers = (await keyNumbers(world, folder)).sort((a, b) => b - a)
  return Promise.all(
    numbers.map(async (number, index) => ({
      number,
      state: number === 0 ? 'staged' : index === 0 ? 'primary' : 'old',
      since: (await world.files.info(`${folder}/${number}`))?.mtimeMs ?? 0,
    })),
  )
}

/** A turn that was stopped after its first half has left one key under two names. */
async function isStagedToo(world: World, folder: string, primary: number): Promise<boolean> {
  if (primary === 0) return false
  const [staged, current] = await Promise.all([
    world.files.readText(`${folder}/0`),
    world.files.readText(`${folder}/${primary}`),
  ])
  return staged === current
}

/** Each turn writes a new staged key, so that file tells whether there was one. */
async function turnOf(world: World, folder: string): Promise<string> {
  const staged = await world.files.info(`${folder}/0`)
  return staged ? `${staged.inode} ${staged.mtimeMs}` : 'none'
}

async function writeKey(
  world: World,
  folder: string,
  number: number,
  kind: Pick<KeyKind<unknown>, 'make'>,
): Promise<void> {
  await world.files.writeAtomic(`${folder}/${number}`, kind.make(world), { mode: 0o600 })
}

async function keyNumbers(world: World, folder: string): Promise<number[]> {
  const names = await world.files.list(folder)
  return names.filter((name) => /^(0|[1-9]\d*)$/.test(name)).map(Number)
}

async function readKeys<K>(world: World, folder: string, kind: KeyKind<K>): Promise<K[]> {
  const numbers = (await keyNumbers(world, folder)).sort((a, b) => b - a)
  if (numbers.length === 0) throw new CloudError('unavailable', `There are no token keys in ${folder}`)
  const read = await Promise.all(
    numbers.map(async (number) => {
      const path = `${folder}/${number}`
      const info = await world.files.info(path)
      // An old key may go while the folder is read.
      if (!info && number !== numbers[0]) return undefined
      if (info && info.mode & 0o077)
        throw new CloudError(
          'unavailable',
          `Others may read the token key ${path}; run: chmod 600 ${path}, and rotate the keys`,
        )
      try {
        return kind.read(await world.files.readText(path))
      } catch (error) {
        throw new CloudError('unavailable', `The token key ${path} cannot be used`, { cause: error })
      }
    }),
  )
  return read.filter((key) => key !== undefined) as K[]
}

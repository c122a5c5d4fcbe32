// Keys as keystone keeps them: numbered, 0 staged for the next turn, the highest the primary.
// A staged key is known to all controllers before any of them signs with it, so turning breaks no token.
import { CloudError } from '../errors/cloud-error.ts'
import type { World } from '../world/world.ts'
import { type FernetKey, fernetKey } from './fernet.ts'
import { type KeyShelf, keyFolder } from './key-shelf.ts'

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
  /** Reads all again: another process may have turned the keys. */
  reload(): Promise<void>
  /** The same, where they have been turned since; says whether they had. Costs one look at a file or row. */
  refresh(): Promise<boolean>
}

export type TurnOptions = {
  /** Staged, primary and old ones together; at least 2. keystone's default is 3. */
  maxActiveKeys?: number
}

/** A folder's path, or where else they are. */
export type KeyPlace = string | KeyShelf

/** Makes the first two keys where they are missing, and their folder. Throws kind 'unavailable' where they cannot be trusted. */
export async function openKeyRepository<K>(
  world: World,
  place: KeyPlace,
  kind: KeyKind<K>,
): Promise<KeyRepository<K>> {
  const shelf = shelfAt(world, place)
  const numbers = await shelf.numbers()
  if (!numbers.includes(0)) await shelf.add(0, kind.make(world))
  if (!numbers.some((number) => number > 0)) await shelf.add(1, kind.make(world))
  let seen = await shelf.turn()
  let keys = await readKeys(shelf, kind)
  const reload = async () => {
    // Looked at before the keys are read: a turn in between is found by the next look.
    const turn = await shelf.turn()
    keys = await readKeys(shelf, kind)
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
      if ((await shelf.turn()) === seen) return false
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
  place: KeyPlace,
  kind: Pick<KeyKind<unknown>, 'make'>,
  options: TurnOptions = {},
): Promise<void> {
  const shelf = shelfAt(world, place)
  const maxActiveKeys = Math.max(2, options.maxActiveKeys ?? 3)
  const numbers = await shelf.numbers()
  const primary = Math.max(0, ...numbers)
  if (numbers.includes(0) && !(await isStagedToo(shelf, primary)) && !(await shelf.promote(primary + 1)))
    throw new CloudError('conflict', `The keys in ${shelf.name} are being turned by another process`)
  // Also what was left undone by a turn that was stopped here: the key that it made primary is still the staged one.
  await shelf.stage(kind.make(world))
  for (const number of (await inUse(shelf)).slice(maxActiveKeys - 1)) await shelf.remove(number)
}

/** Only for what has been sealed anew: nothing that an old key made can be read without it. */
export async function dropOldKeys(world: World, place: KeyPlace): Promise<void> {
  const shelf = shelfAt(world, place)
  for (const number of (await inUse(shelf)).slice(1)) await shelf.remove(number)
}

export type KeyFile = { number: number; state: 'staged' | 'primary' | 'old'; since: number }

/** All that are there, the primary first; empty where there is none. `since`, in milliseconds, is when it was made. */
export async function listKeys(world: World, place: KeyPlace): Promise<KeyFile[]> {
  const shelf = shelfAt(world, place)
  const numbers = (await shelf.numbers()).sort((a, b) => b - a)
  return Promise.all(
    numbers.map(async (number, index) => ({
      number,
      state: number === 0 ? 'staged' : index === 0 ? 'primary' : 'old',
      since: (await shelf.since(number)) ?? 0,
    })),
  )
}

function shelfAt(world: World, place: KeyPlace): KeyShelf {
  return typeof place === 'string' ? keyFolder(world, place) : place
}

/** A turn that was stopped after its first half has left one key under two names. */
async function isStagedToo(shelf: KeyShelf, primary: number): Promise<boolean> {
  if (primary === 0) return false
  const [staged, current] = await Promise.all([shelf.read(0), shelf.read(primary)])
  return staged === current
}

/** The newest first. */
async function inUse(shelf: KeyShelf): Promise<number[]> {
  return (await shelf.numbers()).filter((number) => number > 0).sort((a, b) => b - a)
}

async function readKeys<K>(shelf: KeyShelf, kind: KeyKind<K>): Promise<K[]> {
  const numbers = (await shelf.numbers()).sort((a, b) => b - a)
  if (numbers.length === 0) throw new CloudError('unavailable', `There are no token keys in ${shelf.name}`)
  const read = await Promise.all(
    numbers.map(async (number) => {
      try {
        const text = await shelf.read(number)
        // An old key may go while they are read.
        if (text === undefined && number !== numbers[0]) return undefined
        return kind.read(text ?? '')
      } catch (error) {
        if (error instanceof CloudError && error.kind === 'unavailable') throw error
        const message = `The token key ${shelf.name}/${number} cannot be used`
        throw new CloudError('unavailable', message, { cause: error })
      }
    }),
  )
  return read.filter((key) => key !== undefined) as K[]
}

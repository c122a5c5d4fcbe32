// Keys of tokens and credentials in the database, for all controllers that share it: what one turns, the others find. They
// are sealed by what is in each controller's secrets.json, so a controller with another one is told so at its start.
import { hkdfSync } from 'node:crypto'
import type { Database } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { fernetKey, open, seal } from '#kit/fernet/fernet.ts'
import { type KeyShelf, keyFolder } from '#kit/fernet/key-shelf.ts'
import type { World } from '#kit/world/world.ts'
import type { SharedKey } from '../resources/shared-key.ts'
import {
  deleteSharedKey,
  findSharedKey,
  insertSharedKey,
  listSharedKeys,
  sharedKeyKinds,
} from '../store/shared-key.ts'

const purpose = 'nimbo: keys of identity in its database'

/**
 * `secret` holds 128 bits of chance or more. What lies in `folder`, from a time before keys were in the database, is taken
 * along. Throws kind 'unavailable' where keys are there and another secret sealed them.
 */
export async function openSharedKeys(
  world: World,
  db: Database,
  { folder, kind, secret }: { folder: string; kind: string; secret: string },
): Promise<KeyShelf> {
  const shelf = sharedKeys(world, db, { kind, secret })
  if (await checkSharedKeys(world, db, { kind, secret })) return shelf
  const old = keyFolder(world, `${folder}/${kind}`)
  const rowOf = sealing(world, { kind, secret })
  const rows: SharedKey[] = []
  for (const number of await old.numbers()) {
    const text = await old.read(number)
    if (text !== undefined) rows.push(rowOf(number, text))
  }
  // All or none: the folder isn't looked into again, and without one of them something stays sealed for ever.
  await db.transaction(async (tx) => {
    if ((await listSharedKeys(tx, kind)).length > 0) return
    for (const row of rows) await insertSharedKey(tx, row)
  })
  return shelf
}

/** Whether there are any. Throws kind 'unavailable' of type 'keys.foreign' where another secret sealed them. */
async function checkSharedKeys(
  world: World,
  db: Database,
  which: { kind: string; secret: string },
): Promise<boolean> {
  const shelf = sharedKeys(world, db, which)
  const numbers = await shelf.numbers()
  for (const number of numbers) await shelf.read(number)
  return numbers.length > 0
}

/** The same of all kinds that are there. */
export async function checkAllSharedKeys(world: World, db: Database, secret: string): Promise<void> {
  for (const kind of await sharedKeyKinds(db)) await checkSharedKeys(world, db, { kind, secret })
}

/** The shelf for whoever only looks or turns. */
export function sharedKeys(
  world: World,
  db: Database,
  { kind, secret }: { kind: string; secret: string },
): KeyShelf {
  const rowOf = sealing(world, { kind, secret })
  return {
    name: `${kind} of the database`,
    numbers: async () => (await listSharedKeys(db, kind)).map(({ number }) => number),
    async read(number) {
      const row = await findSharedKey(db, { kind, number })
      if (!row) return undefined
      const opened = open([sealingKey(secret)], row.sealed)
      if (opened) return opened.plaintext.toString('utf8')
      throw new CloudError(
        'unavailable',
        "This controller's secrets.json isn't that of the cloud whose keys are in the database: copy the one of its first controller.",
        { type: 'keys.foreign' },
      )
    },
    since: async (number) => (await findSharedKey(db, { kind, number }))?.createdAt,
    // Sealed anew, it is another text each time.
    turn: async () => (await findSharedKey(db, { kind, number: 0 }))?.sealed ?? 'none',
    async add(number, text) {
      await insertSharedKey(db, rowOf(number, text))
    },
    async stage(text) {
      await db.transaction(async (tx) => {
        await deleteSharedKey(tx, { kind, number: 0 })
        await insertSharedKey(tx, rowOf(0, text))
      })
    },
    promote: (number) =>
      db.transaction(async (tx) => {
        const staged = await findSharedKey(tx, { kind, number: 0 })
        return (
          staged !== undefined && insertSharedKey(tx, { ...staged, number, createdAt: world.clock.now() })
        )
      }),
    async remove(number) {
      await deleteSharedKey(db, { kind, number })
    },
  }
}

/** Makes the row of a key. */
function sealing(world: World, { kind, secret }: { kind: string; secret: string }) {
  const key = sealingKey(secret)
  return (number: number, text: string): SharedKey => {
    const now = world.clock.now()
    return {
      kind,
      number,
      sealed: seal(key, Buffer.from(text), now, world.random.bytes(16)),
      createdAt: now,
    }
  }
}

const sealingKey = (secret: string) =>
  fernetKey(Buffer.from(hkdfSync('sha256', secret, '', purpose, 32)).toString('base64url'))

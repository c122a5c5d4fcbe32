// What an update of the program does to the images that are there, also where it is killed in the midst of it.
import { expect, onTestFinished, test } from 'vitest'
import type { Database } from '#kit/db/database.ts'
import { migrate } from '#kit/db/migrate.ts'
import { openDatabase } from '#kit/db/open.ts'
import { schemaDifferences } from '#kit/db/schema.ts'
import { cutAfter } from '#kit/db/test-cut.ts'
import { serviceDatabases } from '#kit/db/test-database.ts'
import { realWorld } from '#kit/world/real.ts'
import { imageLocation } from '../../resources/location.ts'
import { migrations, tables } from '../schema.ts'
import { content } from './0003-content.ts'

const world = realWorld()
const before = migrations.slice(0, migrations.indexOf(content))

test('images of before the stores lie in the first one, wherever the update was cut off', async () => {
  let cuts = 0
  for (;;) {
    const db = await oldDatabase()
    const wasCut = await migrate(world, db, [...before, cutAfter(cuts + 1, content)]).then(
      () => false,
      (error) => String(error).includes('cut off'),
    )
    await migrate(world, db, migrations)
    expect(await schemaDifferences(db, tables)).toEqual([])
    expect(await imageLocation.find(db)).toMatchObject([{ imageId: 'whole', position: 0, store: 'file' }])
    const { rows } = await db.execute('select id, status from image order by id', [])
    expect(rows).toEqual([
      { id: 'half', status: 'queued' },
      { id: 'whole', status: 'active' },
    ])
    if (!wasCut) break
    cuts++
  }
  expect(cuts).toBeGreaterThan(6)
})

/** As the release before left it: one image with bytes, and one that somebody was uploading. */
async function oldDatabase(): Promise<Database> {
  const databases = serviceDatabases()
  const db = await openDatabase(world, databases.urlOf('image'))
  onTestFinished(async () => {
    await db.close()
    await databases.drop()
  })
  await migrate(world, db, before)
  const plain = `min_ram, min_disk, protected, os_hidden, visibility, created_at, updated_at`
  for (const [id, status, size] of [
    ['whole', 'active', '5'],
    ['half', 'saving', 'null'],
  ])
    await db.execute(
      `insert into image (id, status, size, ${plain})
       values ('${id}', '${status}', ${size}, 0, 0, ${no(db)}, ${no(db)}, 'private', 1, 1)`,
      [],
    )
  return db
}

const no = ({ dialect }: Database) => (dialect === 'postgres' ? 'false' : '0')

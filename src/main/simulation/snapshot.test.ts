// Saving and putting back a data folder: what is in it, what stays, what a kill in the middle leaves.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { virtualWorld } from '#kit/world/virtual.ts'
import type { World } from '#kit/world/world.ts'
import { type Cloud, dataFolder, prepareCloud } from '../data-folder.ts'
import { mortalWorld } from '../mortal-world.ts'
import { finishRestore } from './restore.ts'
import { openSnapshots, type SnapshotNeeds } from './snapshot.ts'

const world = virtualWorld()
let root: string
let cloud: Cloud
/** What happens to a cloud while it is put back; the edge of what is tested. */
const needs: SnapshotNeeds = { still: async (work) => work(), replaceData: (work) => work() }

const put = (path: string, text: string) => world.files.write(join(root, path), text)
const get = (path: string) => readFileSync(join(root, path), 'utf8')
const open = (through: World = world) => openSnapshots(through, cloud, needs)

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'nimbo-snapshot-'))
  cloud = await prepareCloud(world, root, { dataPlane: 'sim', hosts: 3 })
  for (const folder of ['db', 'image/images', 'hosts/node1', 'run'])
    await world.files.makeFolder(join(root, folder))
  await put('db/compute.db', 'one server')
  await put('db/compute.db-shm', 'index')
  await put('image/images/a', 'an image')
  await put('hosts/node1/guests.json', '[1]')
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

test('what was changed since is as it was, what was made since is gone, and the set-up is left alone', async () => {
  const snapshots = await open()
  const saved = await snapshots.save({ name: 'fresh', description: 'of the suite' })
  expect(saved).toMatchObject({ name: 'fresh', description: 'of the suite', hosts: 3 })
  await put('db/compute.db', 'nothing')
  await put('db/heat.db', 'new')
  await put('run/cloud.pid', '7')
  rmSync(join(root, 'image/images/a'))
  const secrets = get('secrets.json')
  await snapshots.restore('fresh')
  expect(get('db/compute.db')).toBe('one server')
  expect(readdirSync(join(root, 'db'))).toEqual(['compute.db'])
  expect(get('image/images/a')).toBe('an image')
  expect(get('run/cloud.pid')).toBe('7')
  expect(get('secrets.json')).toBe(secrets)
  await put('db/compute.db', 'nothing again')
  await snapshots.restore('fresh')
  expect(get('db/compute.db')).toBe('one server')
  expect(readdirSync(join(root, 'snapshots'))).toEqual(['fresh'])
})

test('images take no room twice', async () => {
  const snapshots = await open()
  await snapshots.save({ name: 'fresh', description: '' })
  expect(statSync(join(root, 'image/images/a')).nlink).toBe(2)
})

test('names are taken once, and a snapshot that is deleted is gone', async () => {
  const snapshots = await open()
  await snapshots.save({ name: 'a', description: '' })
  await expect(snapshots.save({ name: 'a', description: '' })).rejects.toMatchObject({ kind: 'conflict' })
  await snapshots.delete('a')
  expect(await snapshots.list()).toEqual([])
  await expect(snapshots.restore('a')).rejects.toMatchObject({ kind: 'notFound' })
  await expect(snapshots.delete('a')).rejects.toMatchObject({ kind: 'notFound' })
})

describe('a snapshot is refused', () => {
  const change = (more: Record<string, unknown>) => {
    const path = join(root, 'snapshots/fresh/snapshot.json')
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...more }))
  }
  test.each([
    ['of another version', { version: '0.0.1' }, /was saved by version 0.0.1.*run that version/],
    ['of another cloud', { cloud: 'another' }, /is of another cloud/],
    ['of other hosts', { hosts: ['node1'] }, /holds 1 hosts, and this cloud has 3: set cloud.hosts to 1/],
  ])('%s, with what to do', async (_, more, words) => {
    const snapshots = await open()
    await snapshots.save({ name: 'fresh', description: '' })
    change(more)
    await expect(snapshots.restore('fresh')).rejects.toThrow(words)
    expect(get('db/compute.db')).toBe('one server')
  })
})

test('a cloud on a RabbitMQ has no snapshots', async () => {
  const transportUrl = 'rabbit://user:password@mq.example:5672'
  cloud = { ...cloud, settings: { ...cloud.settings, transportUrl } }
  const snapshots = await open()
  await expect(snapshots.save({ name: 'a', description: '' })).rejects.toMatchObject({
    type: 'ForeignBroker',
  })
})

/** The world's files, and the process dies at the n-th thing asked of them. */
function dyingAt(nth: number): World & { died: Promise<void> } {
  const mortal = mortalWorld(world)
  let count = 0
  let tell = () => {}
  const died = new Promise<void>((resolve) => {
    tell = resolve
  })
  const files = new Proxy(mortal.world.files, {
    get(target, name, receiver) {
      const member = Reflect.get(target, name, receiver) as (...args: unknown[]) => unknown
      return (...args: unknown[]) => {
        if (++count === nth) {
          mortal.kill()
          tell()
        }
        return member(...args)
      }
    },
  })
  return { ...mortal.world, files, died }
}

test('a restore that is killed at any step is undone or finished at the next start', async () => {
  const snapshots = await open()
  await snapshots.save({ name: 'fresh', description: '' })
  let whole = false
  const seen = new Set<string>()
  for (let nth = 1; !whole; nth++) {
    await put('db/compute.db', 'two servers')
    await put('db/later.db', 'made later')
    const dying = dyingAt(nth)
    const restored = openSnapshots(dying, cloud, needs)
      .then((opened) => opened.restore('fresh'))
      .then(() => true)
    whole = await Promise.race([restored, dying.died.then(() => false)])
    await finishRestore(world, dataFolder(root))
    await open()
    const now = `${get('db/compute.db')}, ${readdirSync(join(root, 'db')).length} files, ${get('image/images/a')}, ${get('hosts/node1/guests.json')}`
    expect(
      ['two servers, 3 files, an image, [1]', 'one server, 1 files, an image, [1]'],
      `step ${nth}`,
    ).toContain(now)
    expect(readdirSync(join(root, 'snapshots'))).toEqual(['fresh'])
    seen.add(now)
    rmSync(join(root, 'db/later.db'), { force: true })
    await put('db/compute.db-shm', 'index')
  }
  expect(seen.size).toBe(2)
})

test('a save that is killed at any step leaves a whole snapshot or none', async () => {
  let whole = false
  for (let nth = 1; !whole; nth++) {
    const dying = dyingAt(nth)
    const saved = openSnapshots(dying, cloud, needs)
      .then((opened) => opened.save({ name: 'fresh', description: '' }))
      .then(() => true)
    whole = await Promise.race([saved, dying.died.then(() => false)])
    const snapshots = await open()
    const listed = await snapshots.list()
    for (const { name } of listed) {
      await snapshots.restore(name)
      await snapshots.delete(name)
    }
    expect(get('db/compute.db')).toBe('one server')
    expect(readdirSync(join(root, 'snapshots')), `step ${nth}`).toEqual([])
  }
})

// Versions: some are there only with the cache or several stores.
import { expect, test } from 'vitest'
import { testImage } from './test-image.ts'

const two = [
  { id: 'one', kind: 'file' as const, default: true },
  { id: 'two', kind: 'file' as const },
]

test.each([
  ['one store', {}, 'v2.15', ['v2.9', 'v2.0'], ['v2.16', 'v2.14', 'v2.12', 'v2.8']],
  ['several stores', { stores: two }, 'v2.15', ['v2.13', 'v2.12', 'v2.8'], ['v2.16', 'v2.14']],
  ['a cache', { cache: true }, 'v2.16', ['v2.15', 'v2.14'], ['v2.13']],
])('with %s', async (_, settings, current, there, absent) => {
  const rig = await testImage(settings)
  try {
    const { versions } = (await rig.as.owner('GET', '/versions')).body as {
      versions: { id: string; status: string }[]
    }
    const ids = versions.map((each) => each.id)
    expect(versions.filter((each) => each.status === 'CURRENT').map((each) => each.id)).toEqual([current])
    expect(ids).toEqual(expect.arrayContaining(there))
    expect(ids.filter((id) => absent.includes(id))).toEqual([])
  } finally {
    await rig.stop()
  }
})

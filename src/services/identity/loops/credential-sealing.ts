// Removes: credentials sealed with a key that is no longer the primary one, and then that key. Keys are turned here when
// their time has come, and by 'nimbo keys rotate credential' at any time; several controllers may be at it together.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { dropOldKeys, fernetKeys, type KeyRepository, rotateKeys } from '#kit/fernet/key-repository.ts'
import type { KeyShelf } from '#kit/fernet/key-shelf.ts'
import type { Loop } from '#kit/loop/loop.ts'
import type { Identity } from '../app.ts'
import { listSealed } from '../store/sealed.ts'

const minute = 60_000
/** By then each controller seals with the new primary, and none can add to what an old key has sealed. */
const settledAfter = 60 * minute

export function credentialSealing(
  { world, db, config, safe, log }: Pick<Identity, 'world' | 'db' | 'config' | 'safe' | 'log'>,
  shelf: KeyShelf,
  keys: KeyRepository,
): Loop {
  // Beside what the file's time says, since files carry the host's time and a test's clock is its own.
  let turnedAt = 0
  const since = async () => Math.max((await shelf.since(0)) ?? 0, turnedAt)

  async function turn(): Promise<void> {
    if (config.credentialKeyRotation === 0) return
    if (world.clock.now() - (await since()) < config.credentialKeyRotation) return
    try {
      await rotateKeys(world, shelf, fernetKeys, { maxActiveKeys: Number.MAX_SAFE_INTEGER })
    } catch (error) {
      // Another controller was quicker, which is as good.
      if (!(error instanceof CloudError) || error.kind !== 'conflict') throw error
    }
    turnedAt = world.clock.now()
    await keys.reload()
  }

  return {
    name: 'identity-credential-sealing',
    everyMs: 5 * minute,
    async run() {
      if (await keys.refresh()) turnedAt = world.clock.now()
      await turn()
      // The primary and the staged one: all is sealed as it should be.
      if (keys.keys.length <= 2) return
      const stale = (await listSealed(db)).filter(({ text }) => !safe.isCurrent(text))
      for (const { text, replace } of stale) await replace(db, safe.seal(safe.open(text)))
      if (stale.length > 0) log.info({ count: stale.length }, 'credentials were sealed with the new key')
      else if (world.clock.now() - (await since()) > settledAfter) {
        await dropOldKeys(world, shelf)
        await keys.reload()
      }
    },
  }
}

// Removes: token keys in use for longer than the configured time. Runs in each controller; those that share their keys
// see each other's turns by the age of the staged key.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type KeyKind, type KeyRepository, rotateKeys } from '#kit/fernet/key-repository.ts'
import type { KeyShelf } from '#kit/fernet/key-shelf.ts'
import type { Loop } from '#kit/loop/loop.ts'
import type { Identity } from '../app.ts'

const hour = 3_600_000

export type TurnedKeys = {
  readonly shelf: KeyShelf
  readonly kind: KeyKind<unknown>
  readonly keys: Pick<KeyRepository<unknown>, 'refresh'>
}

export function keyRotation(
  { world, config, log }: Pick<Identity, 'world' | 'config' | 'log'>,
  all: readonly TurnedKeys[],
): Loop {
  // Beside what the file's time says, since files carry the host's time and a test's clock is its own.
  const turnedAt = new Map<string, number>()
  const turn = async ({ shelf, kind, keys }: TurnedKeys) => {
    if (config.keyRotation === 0) return
    // The staged key is written at each turn, so its time is the turn's.
    const since = Math.max((await shelf.since(0)) ?? 0, turnedAt.get(shelf.name) ?? 0)
    if (world.clock.now() - since < config.keyRotation) return
    try {
      await rotateKeys(world, shelf, kind, { maxActiveKeys: config.maxActiveKeys })
    } catch (error) {
      // Another controller was quicker, which is as good.
      if (!(error instanceof CloudError) || error.kind !== 'conflict') throw error
      return
    }
    turnedAt.set(shelf.name, world.clock.now())
    await keys.refresh()
    log.info({ keys: shelf.name }, 'the keys that make tokens were turned')
  }
  return {
    name: 'identity-key-rotation',
    everyMs: hour,
    async run() {
      for (const each of all) await turn(each)
    },
  }
}

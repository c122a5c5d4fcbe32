// Removes: token keys in use for longer than the configured time. Runs in each controller; those that share a key
// folder see each other's turns by the age of the staged key.
import { fernetKeys, rotateKeys } from '#kit/fernet/key-repository.ts'
import type { Loop } from '#kit/loop/loop.ts'
import type { Identity } from '../app.ts'

const hour = 3_600_000

export function keyRotation(app: Identity, folder: string): Loop {
  const { world, config, log, tokens } = app
  return {
    name: 'identity-key-rotation',
    everyMs: hour,
    async run() {
      if (config.keyRotation === 0) return
      // The staged key is written at each turn, so its time is the turn's.
      const staged = await world.files.info(`${folder}/0`)
      if (staged && world.clock.now() - staged.mtimeMs < config.keyRotation) return
      await rotateKeys(world, folder, fernetKeys, { maxActiveKeys: config.maxActiveKeys })
      await tokens.reloadKeys()
      log.info({ folder }, 'the keys that seal tokens were turned')
    },
  }
}

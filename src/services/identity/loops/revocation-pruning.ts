// Removes: revocations of tokens that have expired meanwhile, even for those who may still validate expired ones; used
// proofs that are too old to be used again anyway.
import type { Loop } from '#kit/loop/loop.ts'
import type { Identity } from '../app.ts'
import { deleteRevocationsBefore } from '../store/revocation.ts'
import { deleteSpentProofs } from '../store/spent-proof.ts'

const hour = 3_600_000

export function revocationPruning({ world, db, config }: Identity): Loop {
  return {
    name: 'identity-revocation-pruning',
    everyMs: hour,
    async run() {
      // An hour more, for a token that was stamped a little later than the revocation.
      const life = config.tokenExpiration + config.allowExpiredWindow + hour
      await deleteRevocationsBefore(db, world.clock.now() - life)
      await deleteSpentProofs(db, world.clock.now())
    },
  }
}

// Proofs that are good once and were used: passcodes by the clock, and receipts with which a login was completed.
import { c, table } from '#kit/db/table.ts'

export const spentProof = table(
  'spent_proof',
  {
    /** 'totp <credential> <window>', 'receipt <digest>'. */
    id: c.text(128),
    /** From then on it is refused for its age anyway. */
    until: c.time(),
  },
  { index: [['until']] },
)

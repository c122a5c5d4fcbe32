// Whether a cloud has faults and snapshots at all.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Session } from '../openstack.ts'

/** Kind 'conflict' where it is a real one, or one of several processes. */
export function requireSimulated(session: Session): void {
  try {
    session.endpoint('simulation')
  } catch (error) {
    if (!(error instanceof CloudError) || error.kind !== 'notFound') throw error
    throw new CloudError(
      'conflict',
      "This cloud has neither faults nor snapshots: only one that 'nimbo up --sim' raised in one process has them.",
    )
  }
}

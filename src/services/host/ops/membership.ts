// Who is a member at this moment, for the doors that ask only for a certificate.
import type { HostApp } from '../app.ts'
import * as store from '../store/host.ts'

/** Reads who is a member: from now on the certificates of others are refused. */
export async function rememberMembers(app: HostApp): Promise<void> {
  const rows = await store.listHosts(app.db)
  const members = rows.filter((row) => row.removedAt === null)
  await app.around.admit(members.map((row) => row.certificateFingerprint))
}

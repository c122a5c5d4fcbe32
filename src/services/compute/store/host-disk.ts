// SQL of the disk that the servers of each host take. Their flavors tell it, as text: the servers of a host are of few
// flavors, so the database counts them and only the kinds are read.
import type { Db } from '#kit/db/database.ts'
import { type ServerFlavor, server } from '../resources/server.ts'

/** GiB by host. The root disk of a server that boots from a volume is the volume's. */
export async function diskOfHosts(db: Db): Promise<Map<string, number>> {
  const { host, deletedAt, flavor, imageId } = server.columns
  const rows = await db.sql
    .selectFrom(server.name)
    .select((e) => [
      `${host.databaseName} as host`,
      `${flavor.databaseName} as flavor`,
      e.fn.countAll().as('servers'),
      e.fn.count(imageId.databaseName).as('withImage'),
    ])
    .where(deletedAt.databaseName, 'is', null)
    .where(host.databaseName, 'is not', null)
    .groupBy([host.databaseName, flavor.databaseName])
    .execute()
  const sums = new Map<string, number>()
  for (const row of rows) {
    const { rootGb, ephemeralGb } = JSON.parse(row.flavor as string) as ServerFlavor
    const gb = Number(row.withImage) * rootGb + Number(row.servers) * ephemeralGb
    sums.set(row.host as string, (sums.get(row.host as string) ?? 0) + gb)
  }
  return sums
}

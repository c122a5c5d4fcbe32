// `nimbo down`: ends the cloud's processes; guests go on unless told otherwise, and are adopted again by the next `up`.

import { poll } from '#cli/demo.ts'
import { openSession, type Session } from '#cli/openstack.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import { cloudHttp } from '../api.ts'
import { loginOf } from '../credential.ts'
import { type Cloud, type DataFolder, readCloud } from '../data-folder.ts'
import { withLock } from '../lock.ts'
import { controllingRole, roleState, roles, stopRole } from '../role.ts'
import { stopUnits } from '../systemd.ts'
import type { Verb } from '../verb.ts'

export const down: Verb = {
  summary: 'Ends the cloud; guests go on running',
  options: { guests: { type: 'boolean', help: 'Shut the guests down too' } },
  async run({ world, terminal, root, options }) {
    const cloud = await readCloud(world, root)
    return withLock(world, cloud.folder, 'down', async () => {
      if (options.guests) terminal.say(`${await stopGuests(world, cloud)} guests were shut down`)
      const stopped = await stopCloud(world, cloud.folder)
      const what = cloud.member ? "This host's agent" : 'The cloud'
      terminal.print(stopped ? `${what} is down.` : `${what} was down already; nothing was changed.`)
      return 0
    })
  },
}

/** The agent first: it would only see the controller go. True where anything ran. */
export async function stopCloud(world: World, folder: DataFolder): Promise<boolean> {
  await stopUnits(world, folder.root)
  let ran = false
  // All that there are: the cloud may have been started with other settings than it has now.
  for (const role of roles.toReversed()) ran = (await stopRole(world, folder, role)) || ran
  return ran
}

type Listed = { id: string; name: string; status: string }

/** Through the API, so that the cloud knows that they are off. Returns how many. */
async function stopGuests(world: World, cloud: Cloud): Promise<number> {
  if (cloud.member)
    throw new CloudError(
      'conflict',
      `Guests of a joined host are shut down on the controller, ${cloud.member.controller}.`,
    )
  if (!(await roleState(world, cloud.folder, controllingRole(cloud))).process) {
    throw new CloudError(
      'conflict',
      "Guests are shut down by the running cloud: 'nimbo up' first, or 'nimbo destroy'.",
    )
  }
  const http = await cloudHttp(world, cloud)
  try {
    const admin = await openSession(http, loginOf(cloud, 'admin'))
    const active = await activeServers(admin)
    for (const server of active) {
      await admin.call('compute', {
        method: 'POST',
        path: `/servers/${server.id}/action`,
        body: { 'os-stop': null },
      })
    }
    await poll(
      world,
      120_000,
      "Some guests didn't shut down within 120 s",
      async () => (await activeServers(admin)).length === 0 || undefined,
    )
    return active.length
  } finally {
    http.close()
  }
}

async function activeServers(admin: Session): Promise<Listed[]> {
  const { servers } = await admin.call<{ servers: Listed[] }>('compute', {
    path: '/servers/detail?all_tenants=1&status=ACTIVE',
  })
  return servers
}

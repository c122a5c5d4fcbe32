// A verb's own line to the controller on a joined host: the bus, as the host itself.
import { hosts } from '#contracts/host.ts'
import type { Caller } from '#kit/bus/bus.ts'
import { openBus } from '#kit/bus/client.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Trace } from '#kit/journal/journal.ts'
import { memorySink } from '#kit/journal/memory-sink.ts'
import { openJournal } from '#kit/journal/store.ts'
import { silentLog } from '#kit/log/log.ts'
import type { World } from '#kit/world/world.ts'
import { controllerAccess } from './controller-access.ts'
import type { Cloud } from './data-folder.ts'

/** The controller may be starting again just now. */
const usualPatienceMs = 15_000

export type MemberSession = {
  readonly host: string
  readonly controller: Caller<typeof hosts.methods>
  readonly trace: Trace
}

/** Kind 'unavailable' where the controller isn't reached, or has sent this host away. */
export async function asMember<T>(
  world: World,
  cloud: Cloud,
  work: (session: MemberSession) => Promise<T>,
  patienceMs = usualPatienceMs,
): Promise<T> {
  const access = await controllerAccess(world, cloud)
  const { host } = access
  const journal = openJournal({ world, log: silentLog, host, service: 'nimbo', sink: memorySink() })
  const bus = await openBus({
    world,
    log: silentLog,
    journal,
    connect: access.connectBus,
    user: access.busUser,
    password: access.busPassword,
    vhost: access.busVhost,
    durableQueueType: access.busQueueType,
    limited: true,
    name: `nimbo@${host}`,
    patienceMs,
  }).catch((error) => {
    access.http.close()
    throw new CloudError('unavailable', `The controller ${access.controller} does not let this host in`, {
      cause: error,
    })
  })
  try {
    return await work({ host, controller: bus.caller(hosts, 'nimbo'), trace: journal.newTrace() })
  } finally {
    await bus.close()
    access.http.close()
  }
}

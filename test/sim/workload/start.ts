// Several projects with several clients each, all at work at once until they are told to stop. Everything that they choose
// comes from the stream of chance that is given.
import { seededRandom } from '#kit/world/virtual.ts'
import type { Random } from '#kit/world/world.ts'
import { type Act, pickAct } from './act.ts'
import { type Client, type OwnThing, openClient, type WorkloadCloud } from './client.ts'
import { foreignActs } from './foreign.ts'
import { prepareGround, prepareProject } from './ground.ts'
import { imageActs } from './image.ts'
import { networkActs } from './network.ts'
import { type Complaint, type Operation, openLedger } from './operation.ts'
import { operatorActs } from './operator.ts'
import { securityActs } from './security.ts'
import { deleteServer, serverActs } from './server.ts'
import { serverActionActs } from './server-action.ts'
import type { Kind } from './thing.ts'
import { volumeActs } from './volume.ts'

export type WorkloadOptions = {
  /** Defaults: 3 projects with 2 clients each, and an operator. */
  projects?: number
  clients?: number
  operators?: number
  /** Milliseconds between two things that a client does, at most; 5000 by default. */
  pauseMs?: number
  /**
   * Milliseconds that all work at once, and then do nothing, and so on: with little time to spend on a long run, users that
   * meet find more than users that are always alone. Without, they work all the time.
   */
  bursts?: { lastMs: number; everyMs: number }
}

export type Workload = {
  readonly operations: readonly Operation[]
  readonly complaints: readonly Complaint[]
  readonly clients: readonly Client[]
  /** No client begins anything more; resolves when all have ended what they were at. Time must go on meanwhile. */
  stop(): Promise<void>
  /** All clients delete all that they own, as long as that takes; what is left then should be nothing. */
  clear(): Promise<void>
}

export async function startWorkload(
  cloud: WorkloadCloud,
  random: Random,
  options: WorkloadOptions = {},
): Promise<Workload> {
  const { projects = 3, clients: perProject = 2, operators = 1, pauseMs = 5000, bursts } = options
  const ledger = openLedger(() => cloud.clock.now(), cloud.say)
  const ground = await prepareGround(cloud)
  const users: Act[] = [
    ...serverActs(ground),
    ...serverActionActs,
    ...volumeActs(ground),
    ...imageActs,
    ...networkActs(ground),
    ...securityActs,
    ...foreignActs,
  ]
  const clients: Client[] = []
  const acts = new Map<Client, readonly Act[]>()
  const add = async (project: string, names: readonly string[], roles: string[], own: readonly Act[]) => {
    const given = await prepareProject(
      cloud,
      ground,
      project,
      names.map((name) => ({ name, roles })),
    )
    for (const [index, name] of names.entries()) {
      const client = await openClient({
        cloud,
        ledger,
        random: seededRandom(random.int(0, 2 ** 31)),
        name,
        credentials: { username: name, password: name, project },
        everybody: clients,
        projectId: given.projectId,
        userId: given.userIds[index]!,
      })
      clients.push(client)
      acts.set(client, own)
    }
  }
  const numbered = (count: number, prefix: string) =>
    Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`)
  for (const project of numbered(projects, 'p'))
    await add(project, numbered(perProject, `${project}c`), ['member'], users)
  if (operators > 0) await add('operation', numbered(operators, 'operator'), ['admin'], operatorActs)

  let stopped = false
  const began = cloud.clock.now()
  /** Until the next burst; 0 within one. */
  const restMs = () => {
    if (!bursts) return 0
    const into = (cloud.clock.now() - began) % bursts.everyMs
    return into < bursts.lastMs ? 0 : bursts.everyMs - into
  }
  async function work(client: Client): Promise<void> {
    while (!stopped) {
      await client.sleep(restMs() + client.random.int(50, pauseMs))
      if (!stopped) await pickAct(acts.get(client)!, client, client.random)?.run(client)
    }
  }
  // A client that breaks is a bug of the workload, or an answer that no client could read: the run fails by it.
  const running = clients.map((client) =>
    work(client).catch((error: unknown) => {
      ledger.complain(client.name, `the client broke: ${error instanceof Error ? error.stack : error}`)
    }),
  )
  return {
    operations: ledger.operations,
    complaints: ledger.complaints,
    clients,
    async stop() {
      stopped = true
      await Promise.all(running)
    },
    async clear() {
      await Promise.all(clients.map((client) => clearOf(client)))
    },
  }
}

/** What stands on others goes first. */
const order: Kind[] = [
  'floatingip',
  'server',
  'volume',
  'image',
  'port',
  'router',
  'subnet',
  'network',
  'security_group_rule',
  'security_group',
  'server_group',
  'keypair',
  'aggregate',
  'flavor',
  'application_credential',
]

async function clearOf(client: Client): Promise<void> {
  for (const kind of order) {
    // Others of the project may still stand on what is to go: a few rounds, some time apart.
    for (let round = 0; round < 12; round++) {
      const left = client.things.filter(
        (thing): thing is OwnThing =>
          thing.kind === kind && thing.id !== undefined && thing.standing !== 'gone',
      )
      if (left.length === 0) break
      for (const thing of left) await clearOne(client, thing)
      await client.sleep(10_000)
    }
  }
}

async function clearOne(client: Client, thing: OwnThing): Promise<void> {
  if (thing.kind === 'server') return deleteServer(client, thing, true)
  if (thing.kind === 'router') await freeRouter(client, thing)
  if (thing.kind === 'aggregate') await freeAggregate(client, thing)
  if (!(await client.remove(thing))) return
  if (thing.kind !== 'volume') thing.standing = 'gone'
  else if (!(await client.until(thing, ({ status }) => status === 'error_deleting').catch(() => thing)))
    thing.standing = 'gone'
}

async function freeRouter(client: Client, router: OwnThing): Promise<void> {
  await client.operate('router.clear', router, async () => {
    const path = `/v2.0/ports?device_id=${router.id}&device_owner=network:router_interface`
    const { ports } = await client.ask<{ ports: { id: string }[] }>('network', { path })
    for (const { id } of ports)
      await client.ask('network', {
        method: 'PUT',
        path: `/v2.0/routers/${router.id}/remove_router_interface`,
        body: { port_id: id },
      })
  })
}

async function freeAggregate(client: Client, aggregate: OwnThing): Promise<void> {
  await client.operate('aggregate.clear', aggregate, async () => {
    const path = `/os-aggregates/${aggregate.id}`
    const { aggregate: shown } = await client.ask<{ aggregate: { hosts: string[] } }>('compute', { path })
    for (const host of shown.hosts)
      await client.ask('compute', { method: 'POST', path: `${path}/action`, body: { remove_host: { host } } })
  })
}

// Which networks a new server gets: what the caller named, seen to exist and be the caller's to use.
import { isIP } from 'node:net'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Network, PortBody } from '#services/network/client.ts'
import type { ComputeContext } from '../app.ts'
import type { NetworkWish } from '../resources/request-spec.ts'
import { isUuid } from '../resources/schema.ts'
import type { ServerWish } from '../resources/server-body.ts'
import { serverRules } from '../resources/server-rule.ts'

type Wish = Pick<ServerWish, 'networks'> & { count: number }

export async function resolveNetworks(context: ComputeContext, wish: Wish): Promise<NetworkWish[]> {
  const { networks } = wish
  if (networks === 'none') return []
  const available = await availableNetworks(context, networks)
  if (networks === undefined || networks === 'auto' || networks.length === 0)
    return onlyNetwork(context, available, networks === 'auto')
  const resolved: NetworkWish[] = []
  const seenPorts = new Set<string>()
  for (const each of networks) {
    const tag = each.tag ?? null
    if (each.port) {
      if (seenPorts.has(each.port)) throw new CloudError('badRequest', `Duplicate ports: ${each.port}`)
      seenPorts.add(each.port)
      if (wish.count > 1)
        throw new CloudError(
          'badRequest',
          'Unable to launch multiple instances with a single configured port ID. Please launch your instance one by one with different ports.',
        )
      const port = await freePort(context, each.port)
      const network = available.find((one) => one.id === port.network_id)
      resolved.push({
        portId: port.id,
        networkId: port.network_id,
        network: network?.name ?? port.network_id,
        fixedIp: null,
        tag,
      })
      continue
    }
    if (!each.uuid)
      throw new CloudError('badRequest', 'Bad networks format: network uuid is not in proper format (None)')
    const network = available.find((one) => one.id === each.uuid)
    if (!network) throw new CloudError('badRequest', `Network ${each.uuid} could not be found.`)
    requireUsable(context, network)
    if (each.fixed_ip !== undefined && wish.count > 1)
      throw new CloudError(
        'badRequest',
        'Invalid fixed IP address: max_count must be 1 if a fixed_ip is specified.',
      )
    resolved.push({
      portId: null,
      networkId: network.id,
      network: network.name,
      fixedIp: each.fixed_ip ?? null,
      tag,
    })
  }
  return resolved
}

/**
 * What the caller's token may see: its own networks, shared ones and, for a check below, external ones. Of thousands only those
 * that are named, where all of them are.
 */
async function availableNetworks(
  { app, trace, caller }: ComputeContext,
  wished: ServerWish['networks'],
): Promise<Network[]> {
  const named = Array.isArray(wished) ? wished.map(({ port, uuid }) => (port ? undefined : uuid)) : []
  const ids = named.filter((id) => id !== undefined)
  const few = ids.length > 0 && ids.length === named.length
  return app.api.network.listNetworks(trace, caller.token, few ? { id: [...new Set(ids)] } : {})
}

async function onlyNetwork(
  context: ComputeContext,
  available: readonly Network[],
  auto: boolean,
): Promise<NetworkWish[]> {
  const own = available.filter(
    (each) =>
      each.project_id === context.caller.projectId && !each['router:external'] && each.subnets.length > 0,
  )
  const usable =
    own.length > 0
      ? own
      : available.filter((each) => each.shared && !each['router:external'] && each.subnets.length > 0)
  if (usable.length > 1)
    throw new CloudError(
      'conflict',
      'Multiple possible networks found, use a Network ID to be more specific.',
    )
  const [network] = usable
  if (!network) {
    if (!auto) return []
    throw new CloudError(
      'badRequest',
      'Unable to automatically allocate a network for project: there is none that it could use. Create a network, or ask for none.',
    )
  }
  return [{ portId: null, networkId: network.id, network: network.name, fixedIp: null, tag: null }]
}

function requireUsable(context: ComputeContext, network: Network): void {
  if (network['router:external'] && !network.shared && !context.allows(serverRules.externalNetwork, {}))
    throw new CloudError(
      'forbidden',
      `It is not allowed to create an interface on external network ${network.id}`,
    )
  if (network.subnets.length === 0)
    throw new CloudError(
      'badRequest',
      `Network ${network.id} requires a subnet in order to boot instances on.`,
    )
}

export async function freePort(context: ComputeContext, id: string): Promise<PortBody> {
  const { network } = context.app.api
  const port = await network.getPort(context.trace, context.caller.token, id).catch((error: unknown) => {
    if (error instanceof CloudError && error.kind === 'notFound')
      throw new CloudError('badRequest', `Port id ${id} could not be found.`, { cause: error })
    throw error
  })
  if (port.device_id) throw new CloudError('conflict', `Port ${id} is still in use.`)
  return port
}

/** By name or id; 'default' is the project's own that ports get by themselves. */
export async function resolveSecurityGroups(
  context: ComputeContext,
  wanted: readonly string[],
): Promise<{ ids: string[]; names: string[] }> {
  const named = [...new Set(wanted)]
  if (named.length === 0 || (named.length === 1 && named[0] === 'default'))
    return { ids: [], names: ['default'] }
  const { caller, app } = context
  const groups = await app.api.network.listSecurityGroups(context.trace, caller.token, {
    project_id: caller.projectId ?? '',
  })
  const ids: string[] = []
  const names: string[] = []
  for (const each of named) {
    const found = groups.filter((group) => (isUuid(each) ? group.id === each : group.name === each))
    if (found.length === 0)
      throw new CloudError('badRequest', `Security group ${each} not found for project ${caller.projectId}.`)
    if (found.length > 1)
      throw new CloudError(
        'conflict',
        `Multiple security groups found matching '${each}'. Use an ID to be more specific.`,
      )
    ids.push(found[0]!.id)
    names.push(found[0]!.name)
  }
  return { ids, names }
}

export const ipVersion = (address: string): 4 | 6 => (isIP(address) === 6 ? 6 : 4)

// Routes of agents, and of the networks and routers that they serve.

import type { Db } from '#kit/db/database.ts'
import type { PolicyRule } from '#kit/policy/policy.ts'
import { type NetworkContext, route } from '../app.ts'
import { ensureVisible } from '../ops/access.ts'
import * as ops from '../ops/agent.ts'
import { whereAlive } from '../ops/alive.ts'
import { perform, type Work } from '../ops/change.ts'
import { networkNotFound } from '../ops/network-fault.ts'
import { routerNotFound } from '../ops/router-fault.ts'
import { type Agent, agent, agentResource, agentRules, type WholeAgent } from '../resources/agent.ts'
import { bad, readUpdate, readValue } from '../resources/attribute.ts'
import { agentNetworkBody, agentRouterBody, updateBody } from '../resources/body.ts'
import { type Network, networkResource } from '../resources/network.ts'
import { type Router, routerResource } from '../resources/router.ts'
import { toBoolean } from '../resources/value.ts'
import * as store from '../store/agent.ts'
import { findNetwork, findNetworks, withSubnets } from '../store/network.ts'
import { findRouter, findRouters, wholeRouters } from '../store/router.ts'
import { listPage } from './list.ts'
import { showerOf } from './view.ts'

async function visibleAgent(context: NetworkContext, db: Db, id: string, rule: PolicyRule): Promise<Agent> {
  const row = id.length > 36 ? undefined : await store.findAgent(db, id)
  return ensureVisible(
    context,
    rule,
    row,
    () => ({}),
    () => ops.agentNotFound(id),
  )
}

const shower = (context: NetworkContext) => {
  const show = showerOf<WholeAgent>(context, agentResource.attributes)
  return (rows: readonly Agent[]) => ops.wholeAgents(context.app, rows).map(show)
}

function changing<T>(
  context: NetworkContext,
  id: string,
  rule: PolicyRule,
  change: (work: Work, row: Agent) => Promise<T>,
): Promise<T> {
  const { app, trace } = context
  return perform({ app, trace }, async (work) => {
    const row = await visibleAgent(context, work.tx, id, agentRules.get)
    context.authorize(rule, {})
    return change(work, row)
  })
}

async function routerNamed({ tx }: Work, id: string): Promise<Router> {
  const row = await findRouter(tx, id)
  if (!row) throw routerNotFound(id)
  return row
}

async function networkNamed({ tx }: Work, id: string): Promise<Network> {
  const row = await findNetwork(tx, id)
  if (!row) throw networkNotFound(id)
  return row
}

const agentBody = updateBody(agentResource)

export const agentRoutes = [
  route('GET', '/agents', {
    policy: 'token',
    handle: async (context, { query }) => {
      const { app } = context
      // Others than administrators see that there are none, as with any object that isn't theirs.
      if (!context.allows(agentRules.get, {})) return { agents: [] }
      const alive = async (_: Db, values: string[]) => {
        const wanted = values.map((each) => readValue('alive', { read: toBoolean }, each))
        return whereAlive(app, wanted.includes(true), wanted.includes(false))
      }
      const { attributes, collection } = agentResource
      const spec = { attributes, collection, table: agent, filters: { alive }, missing: ops.agentNotFound }
      const { rows, links } = await listPage<Agent>(app.db, spec, query, [], `${context.origin}/v2.0/agents`)
      const show = showerOf<WholeAgent>(context, attributes, query)
      return { agents: ops.wholeAgents(app, rows).map(show), ...(links && { agents_links: links }) }
    },
  }),
  route('GET', '/agents/:id', {
    policy: 'token',
    handle: async (context, { params }) => {
      const row = await visibleAgent(context, context.app.db, params.id!, agentRules.get)
      return { agent: shower(context)([row])[0] }
    },
  }),
  route('PUT', '/agents/:id', {
    policy: 'token',
    body: agentBody,
    handle: async (context, { params, body }) => {
      const after = await changing(context, params.id!, agentRules.update, (work, row) =>
        ops.updateAgent(work, row, readUpdate(agentResource, body).given),
      )
      return { agent: shower(context)([after])[0] }
    },
  }),
  route('DELETE', '/agents/:id', {
    policy: 'token',
    handle: (context, { params }) => changing(context, params.id!, agentRules.delete, ops.deleteAgent),
  }),
  route('GET', '/agents/:id/dhcp-networks', {
    policy: agentRules.getDhcpNetworks,
    handle: async (context, { params }) => {
      const { app } = context
      const row = await visibleAgent(context, app.db, params.id!, agentRules.getDhcpNetworks)
      const ids = (await store.dhcpBindingsOfAgents(app.db, [row.id])).map((each) => each.networkId)
      const rows = await findNetworks(app.db, ids)
      const whole = await withSubnets(app.db, rows, app.config.defaultAvailabilityZone)
      return { networks: whole.map(showerOf(context, networkResource.attributes)) }
    },
  }),
  route('GET', '/agents/:id/l3-routers', {
    policy: agentRules.getRouters,
    handle: async (context, { params }) => {
      const { app } = context
      const row = await visibleAgent(context, app.db, params.id!, agentRules.getRouters)
      const ids = (await store.routerBindingsOfAgents(app.db, [row.id])).map((each) => each.routerId)
      const whole = await wholeRouters(
        app.db,
        await findRouters(app.db, ids),
        app.config.defaultAvailabilityZone,
      )
      return { routers: whole.map(showerOf(context, routerResource.attributes)) }
    },
  }),
  route('POST', '/agents/:id/l3-routers', {
    policy: agentRules.addRouter,
    body: agentRouterBody,
    status: 201,
    handle: async (context, { params, body }) => {
      const id = (body as { router_id?: unknown } | null)?.router_id
      if (typeof id !== 'string') throw bad('A router_id is needed')
      await changing(context, params.id!, agentRules.addRouter, async (work, row) =>
        ops.giveRouter(work, row, await routerNamed(work, id)),
      )
      return null
    },
  }),
  route('DELETE', '/agents/:id/l3-routers/:router_id', {
    policy: agentRules.removeRouter,
    handle: (context, { params }) =>
      changing(context, params.id!, agentRules.removeRouter, async (work, row) =>
        ops.takeRouter(work, row, await routerNamed(work, params.router_id!)),
      ),
  }),
  route('POST', '/agents/:id/dhcp-networks', {
    policy: agentRules.addDhcpNetwork,
    body: agentNetworkBody,
    status: 201,
    handle: async (context, { params, body }) => {
      const id = (body as { network_id?: unknown } | null)?.network_id
      if (typeof id !== 'string') throw bad('A network_id is needed')
      await changing(context, params.id!, agentRules.addDhcpNetwork, async (work, row) =>
        ops.giveNetwork(work, row, await networkNamed(work, id)),
      )
      return null
    },
  }),
  route('DELETE', '/agents/:id/dhcp-networks/:network_id', {
    policy: agentRules.removeDhcpNetwork,
    handle: (context, { params }) =>
      changing(context, params.id!, agentRules.removeDhcpNetwork, async (work, row) =>
        ops.takeNetwork(work, row, await networkNamed(work, params.network_id!)),
      ),
  }),
  route('GET', '/networks/:id/dhcp-agents', {
    policy: agentRules.getDhcpAgents,
    handle: async (context, { params }) => {
      const { db } = context.app
      if (!(await findNetwork(db, params.id!))) throw networkNotFound(params.id!)
      const serving = await store.dhcpAgentOf(db, params.id!)
      return { agents: shower(context)(serving ? [serving] : []) }
    },
  }),
  route('GET', '/routers/:id/l3-agents', {
    policy: agentRules.getL3Agents,
    handle: async (context, { params }) => {
      const { db } = context.app
      if (!(await findRouter(db, params.id!))) throw routerNotFound(params.id!)
      const serving = await store.routerAgentOf(db, params.id!)
      return { agents: shower(context)(serving ? [serving] : []) }
    },
  }),
]

// /servers: create, list, show, change, delete.
import { nextUrl } from '#kit/http/page.ts'
import { answer, type Query } from '#kit/http/route.ts'
import { type ComputeContext, route } from '../app.ts'
import { createServers } from '../ops/server-create.ts'
import { listServers } from '../ops/server-list.ts'
import { deleteServer } from '../ops/server-power.ts'
import { showServer, withDetails, withGroups } from '../ops/server-show.ts'
import { changeDetails } from '../ops/server-update.ts'
import { readBool } from '../resources/schema.ts'
import { serverCreate, serverUpdate } from '../resources/server-body.ts'
import { serverRules } from '../resources/server-rule.ts'
import { serverBrief, serverLinks, serverView, updatedView } from '../resources/server-view.ts'

const links = (context: ComputeContext, path: string, query: Query, next: string | undefined) =>
  next && { servers_links: [{ rel: 'next', href: nextUrl(`${context.origin}/v2.1${path}`, query, next) }] }

export const serverRoutes = [
  route('GET', '/servers', {
    policy: 'token',
    handle: async (context, { query }) => {
      const { servers, next } = await listServers(context, query, false)
      return {
        servers: servers.map((each) => serverBrief(each, context)),
        ...links(context, '/servers', query, next),
      }
    },
  }),
  route('GET', '/servers/detail', {
    policy: 'token',
    handle: async (context, { query }) => {
      const { servers, next } = await listServers(context, query, true)
      const shown = await withDetails(context, servers)
      return {
        servers: shown.map((each) => serverView(each, context)),
        ...links(context, '/servers/detail', query, next),
      }
    },
  }),
  route('POST', '/servers', {
    policy: serverRules.create,
    body: serverCreate,
    handle: async (context, { body }) => {
      const made = await createServers(context, body)
      if (readBool(body.returnReservationId))
        return answer({ status: 202, body: { reservation_id: made.reservationId } })
      const [server] = made.servers
      return answer({
        status: 202,
        headers: { location: `${context.origin}/v2.1/servers/${server!.id}` },
        body: {
          server: {
            id: server!.id,
            links: serverLinks(server!, context.origin),
            'OS-DCF:diskConfig': server!.diskConfig,
            security_groups: server!.securityGroups.map((name) => ({ name })),
            adminPass: made.adminPass,
          },
        },
      })
    },
  }),
  route('GET', '/servers/:id', {
    policy: 'token',
    handle: async (context, { params }) => ({
      server: serverView(await showServer(context, params.id!), context),
    }),
  }),
  route('PUT', '/servers/:id', {
    policy: 'token',
    body: serverUpdate,
    handle: async (context, { params, body }) => {
      const server = await changeDetails(context, params.id!, body)
      return { server: updatedView(await withGroups(context, server), context) }
    },
  }),
  route('DELETE', '/servers/:id', {
    policy: 'token',
    handle: async (context, { params }) => deleteServer(context, params.id!),
  }),
]

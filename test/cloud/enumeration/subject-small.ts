// The services of few routes: hosts, journal, metadata and console.
import type { Bench, Guard, Guards, Subject } from './bench.ts'
import { send } from './route.ts'

const nothing = () => ({})
const open: Guard = { rule: 'public' }
const host = (rule: string, more: Partial<Guard> = {}): Guard => ({ rule: `hosts:${rule}`, ...more })

const hostGuards: Guards = {
  'GET /': open,
  'GET /authority': open,
  'GET /cloud': open,
  // A host that joins has no user: the join token in its body stands for one.
  'POST /hosts': open,
  'GET /hosts': host('list'),
  'GET /hosts/:name': host('list'),
  'PUT /hosts/:name/disable': host('update', { body: () => ({ reason: 'a test' }) }),
  'PUT /hosts/:name/enable': host('update'),
  // It has a server and goes on serving it.
  'DELETE /hosts/:name': host('remove', { answers: [409] }),
  'GET /join-tokens': host('list_join_tokens'),
  'POST /join-tokens': host('create_join_token', { body: () => ({ join_token: { ttl: 600 } }) }),
  'DELETE /join-tokens/:id': host('delete_join_token'),
}

export const hosts: Subject = {
  type: 'hosts',
  guards: hostGuards,
  makers: {
    'join-tokens': async (bench) =>
      (await bench.ask('hosts', 'POST', '/join-tokens', { join_token: {} })).join_token.id,
  },
  fixed: (bench) => ({ hosts: bench.cloud.hosts[0]!.name }),
  target: nothing,
}

export const journal: Subject = {
  type: 'journal',
  guards: {
    'GET /': open,
    'GET /events': { rule: 'journal:list_events' },
    'GET /audit': { rule: 'journal:list_audit_events' },
    // Of a request that the owner made, the newest. Others hear that there is none.
    'GET /requests/:request_id': { rule: 'journal:show_request', sees: () => false },
    'GET /servers/:id/boot-trace': {
      rule: 'journal:show_boot_trace',
      sees: ({ projectId }, { people }: Bench) => projectId === people.home.projectId,
    },
  },
  makers: {
    requests: async ({ cloud, people }) => {
      const headers = { 'x-auth-token': people.owner.token }
      return (await send(cloud, 'image', { method: 'GET', url: '/v2/images', headers })).headers[
        'x-openstack-request-id'
      ]!
    },
  },
  fixed: (bench) => ({ servers: bench.ids.compute!.servers! }),
  target: ({ people }) => ({ project_id: people.home.projectId, user_id: people.owner.userId }),
}

/** Nobody has a token inside a guest: the signature of the agent that carries the request stands for it. */
export const metadata: Subject = {
  type: 'metadata',
  guards: {
    'GET /': { ...open, answers: [400] },
    'GET /*': { ...open, answers: [400] },
    'POST /*': open,
  },
  makers: {},
  target: nothing,
}

/** A page for browsers; the token of the console is checked on its WebSocket. */
export const consolePage: Subject = {
  type: 'console',
  // A page that there isn't.
  guards: { 'GET /*': { ...open, answers: [404] } },
  makers: {},
  target: nothing,
}

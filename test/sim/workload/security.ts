// Security groups with rules, keypairs, server groups, and credentials of applications.
import type { Act } from './act.ts'
import type { Client } from './client.ts'
import { removing } from './network.ts'
import type { Kind } from './thing.ts'

const creating = (
  kind: Kind,
  weight: number,
  most: number,
  run: (client: Client) => Promise<unknown>,
): Act => ({
  name: `${kind}.create`,
  weight,
  possible: (client) => client.own(kind).length < most,
  async run(client) {
    await run(client)
  },
})

export const securityActs: Act[] = [
  creating('security_group', 3, 3, (client) =>
    client.create('security_group', { description: 'of the simulation' }),
  ),
  {
    name: 'security_group.update',
    weight: 1,
    possible: (client) => client.own('security_group').length > 0,
    async run(client) {
      const group = client.pick(client.own('security_group'))!
      await client.update(group, { description: `d${client.random.int(0, 1000)}` })
    },
  },
  {
    name: 'security_group_rule.create',
    weight: 4,
    possible: (client) =>
      client.own('security_group').length > 0 && client.own('security_group_rule').length < 8,
    async run(client) {
      const group = client.pick(client.own('security_group'))!
      const port = client.random.int(1, 60_000)
      await client.create(
        'security_group_rule',
        {
          security_group_id: group.id,
          direction: 'ingress',
          protocol: 'tcp',
          port_range_min: port,
          port_range_max: port + client.random.int(0, 10),
          ...(client.chance(30) && { remote_group_id: group.id }),
        },
        { link: { group: group.id } },
      )
    },
  },
  removing('security_group_rule', 3),
  {
    ...removing('security_group', 2),
    async run(client) {
      const group = client.pick(client.own('security_group'))!
      if (!(await client.remove(group))) return
      group.standing = 'gone'
      // Its rules go with it.
      for (const thing of client.things) if (thing.link.get('group') === group.id) thing.standing = 'gone'
    },
  },
  creating('keypair', 2, 2, (client) => client.create('keypair', { type: 'ssh', public_key: publicKey })),
  removing('keypair', 1),
  creating('server_group', 2, 2, (client) =>
    client.create('server_group', {
      policy: client.pick(['affinity', 'soft-anti-affinity', 'anti-affinity']),
    }),
  ),
  removing('server_group', 1),
  creating('application_credential', 1, 2, (client) =>
    client.create('application_credential', { description: 'of the simulation' }),
  ),
  removing('application_credential', 1),
  {
    name: 'token.revoke',
    weight: 2,
    async run(client) {
      await client.operate('token.revoke', undefined, async () => {
        const session = await client.login()
        await session.call('identity', {
          method: 'DELETE',
          path: '/auth/tokens',
          headers: { 'x-subject-token': session.token },
        })
        client.revoked.push(session.token)
      })
    },
  },
  {
    name: 'limits.show',
    weight: 1,
    async run(client) {
      await client.operate('limits.show', undefined, async () => {
        await client.ask('compute', { path: '/limits' })
        await client.ask('compute', { path: `/os-quota-sets/${client.projectId}/detail` })
        await client.ask('network', { path: `/v2.0/quotas/${client.projectId}/details` })
      })
    },
  },
]

/** An Ed25519 key of nobody's: 32 octets that count up. */
const publicKey = `ssh-ed25519 ${Buffer.concat([
  Buffer.from([0, 0, 0, 11]),
  Buffer.from('ssh-ed25519'),
  Buffer.from([0, 0, 0, 32]),
  Buffer.from(Array.from({ length: 32 }, (_, index) => index)),
]).toString('base64')} sim`

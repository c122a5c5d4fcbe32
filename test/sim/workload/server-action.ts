// What users do with a server that they have: switching, asking, marking, and joining volumes and networks to it.
import type { Act } from './act.ts'
import type { Client, OwnThing, Shown } from './client.ts'
import { isRefusal } from './operation.ts'
import { expectEither, expectNow } from './thing.ts'

const calm = (shown: Shown) => shown['OS-EXT-STS:task_state'] === null

/** By what clients call it: the body, and the status in which it leaves a server that it worked on. */
const powers: { name: string; weight: number; body: Record<string, unknown> }[] = [
  { name: 'stop', weight: 4, body: { 'os-stop': null } },
  { name: 'start', weight: 5, body: { 'os-start': null } },
  { name: 'reboot-soft', weight: 3, body: { reboot: { type: 'SOFT' } } },
  { name: 'reboot-hard', weight: 3, body: { reboot: { type: 'HARD' } } },
  { name: 'pause', weight: 2, body: { pause: null } },
  { name: 'unpause', weight: 3, body: { unpause: null } },
]

const withServer = (
  name: string,
  weight: number,
  run: (client: Client, server: OwnThing) => Promise<unknown>,
): Act => ({
  name: `server.${name}`,
  weight,
  possible: (client) => client.own('server').length > 0,
  async run(client) {
    await run(client, client.pick(client.own('server'))!)
  },
})

const order = (client: Client, server: OwnThing, name: string, body: Record<string, unknown>) =>
  client.operate(`server.${name}`, server, async () => {
    await client.once('compute', { method: 'POST', path: `/servers/${server.id}/action`, body })
  })

export const serverActionActs: Act[] = [
  ...powers.map(({ name, weight, body }) =>
    withServer(name, weight, async (client, server) => {
      const accepted = await order(client, server, name, body)
      if (accepted && client.chance(80)) await client.until(server, calm).catch(() => undefined)
    }),
  ),
  withServer('lock', 1, async (client, server) => {
    await order(client, server, 'lock', { lock: null })
    await order(client, server, 'stop', { 'os-stop': null })
    await order(client, server, 'unlock', { unlock: null })
  }),
  withServer('console', 2, (client, server) =>
    client.operate('server.console', server, async () => {
      const body = { 'os-getConsoleOutput': { length: 20 } }
      await client.ask('compute', { method: 'POST', path: `/servers/${server.id}/action`, body })
    }),
  ),
  withServer('remote-console', 1, (client, server) =>
    client.operate('server.remote-console', server, async () => {
      const body = { remote_console: { protocol: 'vnc', type: 'novnc' } }
      await client.once('compute', { method: 'POST', path: `/servers/${server.id}/remote-consoles`, body })
    }),
  ),
  withServer('actions', 2, (client, server) =>
    client.operate('server.actions', server, async () => {
      const path = `/servers/${server.id}/os-instance-actions`
      const { instanceActions } = await client.ask<{ instanceActions: { request_id: string }[] }>('compute', {
        path,
      })
      const one = client.pick(instanceActions)
      if (one) await client.ask('compute', { path: `${path}/${one.request_id}` })
    }),
  ),
  withServer('metadata', 3, (client, server) => {
    const metadata = { note: `${client.name} ${client.random.int(0, 1000)}` }
    return putAttribute(client, server, 'metadata', { metadata }, metadata)
  }),
  withServer('tags', 2, (client, server) => {
    const tags = ['sim', `t${client.random.int(0, 50)}`]
    return putAttribute(client, server, 'tags', { tags }, tags)
  }),
  withServer('addresses', 1, (client, server) =>
    client.operate('server.addresses', server, async () => {
      await client.ask('compute', { path: `/servers/${server.id}/ips` })
      await client.ask('compute', { path: `/servers/${server.id}/os-interface` })
      await client.ask('compute', { path: `/servers/${server.id}/os-volume_attachments` })
    }),
  ),
  withServer('volume-attach', 6, async (client, server) => {
    const volume = client.pick(client.own('volume').filter((each) => !each.link.has('server')))
    if (!volume) return
    volume.link.set('server', server.id)
    await client.operate('server.volume-attach', volume, async () => {
      await client.once('compute', {
        method: 'POST',
        path: `/servers/${server.id}/os-volume_attachments`,
        body: { volumeAttachment: { volumeId: volume.id } },
      })
      if (client.chance(80))
        await client.until(volume, ({ status }) => !['reserved', 'attaching'].includes(String(status)))
    })
  }),
  {
    name: 'server.volume-detach',
    weight: 6,
    possible: (client) => client.own('volume').some((each) => each.link.has('server')),
    async run(client) {
      const volume = client.pick(client.own('volume').filter((each) => each.link.has('server')))!
      await client.operate('server.volume-detach', volume, async () => {
        await client.ask('compute', {
          method: 'DELETE',
          path: `/servers/${volume.link.get('server')}/os-volume_attachments/${volume.id}`,
        })
        const shown = await client.until(volume, ({ status }) => status === 'available' || status === 'error')
        if (shown?.status === 'available') volume.link.delete('server')
      })
      const shown = await client.show(volume).catch(() => undefined)
      if (shown?.status === 'available') volume.link.delete('server')
    },
  },
  withServer('interface-attach', 5, async (client, server) => {
    const network = client.pick(client.shared('network'))
    const port = client.pick(client.own('port').filter((each) => !each.link.has('server')))
    if (!network) return
    const usesPort = port !== undefined && client.chance(50)
    if (usesPort) port.link.set('server', server.id)
    await client.operate('server.interface-attach', server, async () => {
      await client.once('compute', {
        method: 'POST',
        path: `/servers/${server.id}/os-interface`,
        body: { interfaceAttachment: usesPort ? { port_id: port.id } : { net_id: network.id } },
      })
    })
  }),
  withServer('interface-detach', 4, (client, server) =>
    client.operate('server.interface-detach', server, async () => {
      const path = `/servers/${server.id}/os-interface`
      type Interfaces = { interfaceAttachments: { port_id: string }[] }
      const { interfaceAttachments } = await client.ask<Interfaces>('compute', { path })
      const one = client.pick(interfaceAttachments)
      if (!one) return
      await client.ask('compute', { method: 'DELETE', path: `${path}/${one.port_id}` })
      const port = client.things.find((each) => each.id === one.port_id)
      // A port of the user's own is left to them, and one that compute made goes.
      port?.link.delete('server')
    }),
  ),
  withServer('security-group', 2, async (client, server) => {
    const group = client.pick(client.own('security_group'))
    if (!group) return
    if (!(await order(client, server, 'group-add', { addSecurityGroup: { name: group.id } }))) return
    if (client.chance(60))
      await order(client, server, 'group-remove', { removeSecurityGroup: { name: group.id } })
  }),
]

async function putAttribute(
  client: Client,
  server: OwnThing,
  name: 'metadata' | 'tags',
  body: Record<string, unknown>,
  value: unknown,
): Promise<boolean> {
  const undo = expectEither(server, { [name]: value })
  return client.operate(`server.${name}`, server, async () => {
    try {
      await client.ask('compute', { method: 'PUT', path: `/servers/${server.id}/${name}`, body })
      expectNow(server, { [name]: value })
    } catch (error) {
      if (isRefusal(error)) undo()
      throw error
    }
  })
}

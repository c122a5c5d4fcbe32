// Servers: made in all the ways that users make them, watched until they run, and given up and deleted where they fail.
import type { Act } from './act.ts'
import type { Client, OwnThing, Shown } from './client.ts'
import type { Ground } from './ground.ts'

const settled = (shown: Shown) => shown['OS-EXT-STS:task_state'] === null && shown.status !== 'BUILD'

export function serverActs(ground: Ground): Act[] {
  return [
    {
      name: 'server.create',
      weight: 14,
      possible: (client) => client.own('server').length < 5 && client.shared('network').length > 0,
      run: (client) => createServer(client, ground),
    },
    {
      name: 'server.show',
      weight: 6,
      possible: (client) => client.own('server').length > 0,
      async run(client) {
        const server = client.pick(client.own('server'))!
        await client.operate('server.show', server, async () => void (await client.show(server)))
      },
    },
    {
      name: 'server.list',
      weight: 4,
      async run(client) {
        await client.operate('server.list', undefined, async () => {
          const path = client.pick([
            '/servers',
            '/servers/detail',
            '/servers/detail?limit=2&sort_key=created_at',
          ])!
          const known = client.own('server').map(({ id }) => id)
          const { servers } = await client.ask<{ servers: Shown[] }>('compute', { path })
          if (path.includes('limit')) return
          const listed = new Set(servers.map(({ id }) => id))
          for (const id of known)
            if (!listed.has(id) && client.own('server').some((server) => server.id === id))
              client.ledger.complain(client.name, `server ${id} is missing in its project's list`)
        })
      },
    },
    {
      name: 'server.rename',
      weight: 3,
      possible: (client) => client.own('server').length > 0,
      async run(client) {
        const server = client.pick(client.own('server'))!
        const description = client.chance(30) ? null : `said by ${client.name} ${client.random.int(0, 1000)}`
        await client.update(server, { description })
      },
    },
    {
      name: 'server.delete',
      weight: 9,
      possible: (client) => client.own('server').length > 1,
      async run(client) {
        await deleteServer(client, client.pick(client.own('server'))!, client.chance(60))
      },
    },
  ]
}

async function createServer(client: Client, ground: Ground): Promise<void> {
  const { random, chance } = client
  const network = client.pick(client.shared('network'))!
  const port = client.pick(client.own('port').filter((each) => !each.link.has('server')))
  const group = client.pick(client.own('server_group'))
  const keypair = client.pick(client.own('keypair'))
  const security = client.pick(client.own('security_group'))
  const image = client.pick([...client.shared('image').map(({ id }) => id), ground.image, ground.image])!
  const volume = client.pick(client.own('volume').filter((each) => !each.link.has('server')))
  const metadata: Record<string, string> = chance(40) ? { made: String(random.int(0, 100)) } : {}
  const usesPort = port !== undefined && chance(40)
  const body: Record<string, unknown> = {
    flavorRef: client.pick(ground.flavors),
    networks: usesPort ? [{ port: port.id }] : chance(8) ? 'none' : [{ uuid: network.id }],
    metadata,
    ...(chance(25) && { config_drive: true }),
    ...(chance(20) && { user_data: Buffer.from('#!/bin/sh\n').toString('base64') }),
    ...(keypair && chance(40) && { key_name: keypair.name }),
    ...(security && chance(30) && !usesPort && { security_groups: [{ name: security.id }] }),
    ...(chance(15) && { tags: ['sim'] }),
  }
  const way = random.int(0, 100)
  if (way < 70) body.imageRef = image
  else if (way < 85)
    body.block_device_mapping_v2 = [
      {
        boot_index: 0,
        uuid: ground.image,
        source_type: 'image',
        destination_type: 'volume',
        volume_size: 1,
        delete_on_termination: true,
      },
    ]
  else {
    body.imageRef = image
    if (volume)
      body.block_device_mapping_v2 = [
        {
          boot_index: 0,
          uuid: image,
          source_type: 'image',
          destination_type: 'local',
          delete_on_termination: true,
        },
        { boot_index: -1, uuid: volume.id, source_type: 'volume', destination_type: 'volume' },
      ]
  }
  const usesVolume = way >= 85 && volume !== undefined
  const schedule = group && chance(40) ? { group: group.id } : undefined
  const server = await createWithHints(client, body, schedule, {
    ...(usesPort && { port: port.id }),
    ...(usesVolume && { volume: volume.id }),
  })
  if (!server) return
  if (usesPort) port.link.set('server', server.id)
  if (usesVolume) volume.link.set('server', server.id)
  if (chance(12)) return
  if (chance(8)) return deleteServer(client, server, true)
  const shown = await client.until(server, settled).catch(() => undefined)
  if (shown?.status === 'ERROR') {
    const fault = shown.fault as { message?: string } | undefined
    if (!fault?.message)
      client.ledger.complain(client.name, `server ${server.id} is in ERROR and says no why`)
    if (chance(80)) await deleteServer(client, server, true)
  }
}

/** Hints stand beside the server in the body. */
async function createWithHints(
  client: Client,
  body: Record<string, unknown>,
  hints: Record<string, string> | undefined,
  link: Record<string, string>,
): Promise<OwnThing | undefined> {
  const { metadata, tags = [] } = body
  return client.create('server', body, {
    expect: { metadata, tags },
    link,
    ...(hints && { beside: { 'os:scheduler_hints': hints } }),
  })
}

export async function deleteServer(client: Client, server: OwnThing, wait: boolean): Promise<void> {
  // Volumes that were made with it go with it; those that were attached are free again.
  if (!(await client.remove(server))) return
  if (!wait) return
  await client
    .until(server, (shown) => shown.status === 'ERROR')
    .then((shown) => {
      if (!shown) server.standing = 'gone'
    })
    .catch(() => undefined)
  for (const thing of client.things) if (thing.link.get('server') === server.id) thing.link.delete('server')
}

// The services that compute asks, as small state machines behind their HTTP calls. Only tests import this.
import type { HttpService } from '#kit/http/server.ts'
import { openPolicy } from '#kit/policy/engine.ts'
import type { Random } from '#kit/world/world.ts'

type Body = Record<string, unknown>
type Ask = { method: string; path: string[]; query: URLSearchParams; body: Body }
type Answer = [status: number, body?: unknown]

function fake(name: string, answer: (ask: Ask) => Answer): HttpService {
  return {
    name,
    routes: [],
    prefixes: [],
    rules: [],
    policy: openPolicy({ rules: [] }),
    govern: () => {},
    renew: () => {},
    async inject(request) {
      const url = new URL(request.url, 'http://peer')
      const [status, body] = answer({
        method: request.method,
        path: url.pathname.split('/').filter(Boolean).map(decodeURIComponent),
        query: url.searchParams,
        body: request.body ? (JSON.parse(String(request.body)) as Body) : {},
      })
      return {
        status,
        headers: { 'content-type': 'application/json' },
        body: Buffer.from(body === undefined ? '' : JSON.stringify(body)),
      }
    },
    listen: async (address) => address,
    close: async () => {},
  }
}

const gone = (what: string): Answer => [404, { error: { message: `${what} could not be found.` } }]

export type TestImage = {
  id: string
  status: string
  size: number
  min_ram: number
  min_disk: number
  [property: string]: unknown
}
export type TestPort = {
  id: string
  network_id: string
  project_id: string
  device_id: string
  device_owner: string
  status: string
  mac_address: string
  fixed_ips: { subnet_id: string; ip_address: string }[]
  security_groups: string[]
  'binding:host_id': string
  'binding:profile': Record<string, unknown>
}
export type TestNetwork = {
  id: string
  name: string
  project_id: string
  shared: boolean
  'router:external': boolean
  subnets: string[]
  mtu: number
}
export type TestVolume = {
  id: string
  name: string
  status: string
  size: number
  bootable: string
  project: string
  multiattach: boolean
  /** Only guests of another host than all servers' reach it. */
  elsewhere?: true
}
export type TestAttachment = { id: string; volume_id: string; instance: string; status: string }
type Provider = {
  id: string
  name: string
  generation: number
  inventories: Record<string, Body>
  traits: string[]
  aggregates: string[]
}
type Consumer = { providerId: string; resources: Record<string, number>; generation: number }

export type TestPeers = ReturnType<typeof testPeers>

export function testPeers(random: Random) {
  const images = new Map<string, TestImage>()
  const networks = new Map<string, TestNetwork>()
  const ports = new Map<string, TestPort>()
  const groups = [
    { id: random.uuid(), name: 'web', description: '', project_id: 'p'.repeat(32), security_group_rules: [] },
  ]
  const floating: { id: string; port_id: string; fixed_ip_address: string; floating_ip_address: string }[] =
    []
  const volumes = new Map<string, TestVolume>()
  const attachments = new Map<string, TestAttachment>()
  const providers = new Map<string, Provider>()
  const consumers = new Map<string, Consumer>()
  let address = 10
  const hooks = {
    /** The L2 agent's part, when a port is bound to a host. */
    bound: (_port: TestPort): void => {},
    /** Makes calls fail: 'POST ports'. */
    broken: new Set<string>(),
    /** Calls that do their work, and of which the answer is lost: 'POST ports'. */
    unheard: new Set<string>(),
  }

  const image = fake('glance-api', ({ path }) => {
    const found = images.get(path[2] ?? '')
    return found ? [200, found] : gone(`Image ${path[2]}`)
  })

  const network = fake('neutron-server', ({ method, path, query, body }) => {
    const [, kind, id] = path
    if (hooks.broken.has(`${method} ${kind}`))
      return [503, { NeutronError: { type: 'Broken', message: 'Out of order' } }]
    const matches = (row: object) =>
      [...new Set(query.keys())].every((key) => query.getAll(key).includes(String((row as Body)[key])))
    if (kind === 'networks') return [200, { networks: [...networks.values()].filter(matches) }]
    if (kind === 'subnets') return [200, { subnets: [] }]
    if (kind === 'floatingips') return [200, { floatingips: floating.filter(matches) }]
    if (kind === 'security-groups') return [200, { security_groups: groups.filter(matches) }]
    if (method === 'GET' && id === undefined) return [200, { ports: [...ports.values()].filter(matches) }]
    if (method === 'POST') {
      const given = body.port as Partial<TestPort>
      const made: TestPort = {
        id: random.uuid(),
        network_id: given.network_id!,
        project_id: given.project_id ?? '',
        device_id: given.device_id ?? '',
        device_owner: given.device_owner ?? '',
        status: 'DOWN',
        mac_address: `fa:16:3e:00:00:${(address % 256).toString(16).padStart(2, '0')}`,
        fixed_ips: [
          { subnet_id: 'subnet', ip_address: given.fixed_ips?.[0]?.ip_address ?? `10.0.0.${address++}` },
        ],
        security_groups: given.security_groups ?? [],
        'binding:host_id': given['binding:host_id'] ?? '',
        'binding:profile': given['binding:profile'] ?? {},
      }
      ports.set(made.id, made)
      if (made['binding:host_id']) hooks.bound(made)
      if (hooks.unheard.has('POST ports')) return [504]
      return [201, { port: made }]
    }
    const port = ports.get(id ?? '')
    if (!port)
      return [404, { NeutronError: { type: 'PortNotFound', message: `Port ${id} could not be found.` } }]
    if (method === 'DELETE') {
      ports.delete(port.id)
      return [204]
    }
    if (method === 'PUT') {
      const before = port['binding:host_id']
      Object.assign(port, body.port)
      if (port['binding:host_id'] === '') port.status = 'DOWN'
      else if (port['binding:host_id'] !== before) {
        port.status = 'DOWN'
        hooks.bound(port)
      }
    }
    return [200, { port }]
  })

  const volume = fake('cinder-api', ({ method, path, query, body }) => {
    const [, project, kind, id, more] = path
    if (hooks.broken.has(`${method} ${kind}`))
      return [503, { serviceUnavailable: { message: 'Out of order' } }]
    if (kind === 'attachments') {
      if (method === 'POST' && more === 'action') {
        const attachment = attachments.get(id!)
        if (!attachment) return gone(`Attachment ${id}`)
        attachment.status = 'attached'
        volumes.get(attachment.volume_id)!.status = 'in-use'
        return [204]
      }
      if (method === 'POST') {
        const given = body.attachment as { volume_uuid: string; instance_uuid: string }
        const target = volumes.get(given.volume_uuid)!
        if (target.status !== 'available')
          return [400, { badRequest: { message: `Volume ${target.id} is ${target.status}` } }]
        const made = {
          id: random.uuid(),
          volume_id: target.id,
          instance: given.instance_uuid,
          status: 'reserved',
        }
        attachments.set(made.id, made)
        target.status = 'reserved'
        return [200, { attachment: made }]
      }
      if (id === 'detail')
        return [
          200,
          {
            attachments: [...attachments.values()].filter(
              (each) => each.instance === query.get('instance_id') || each.status === query.get('status'),
            ),
          },
        ]
      const attachment = attachments.get(id!)
      if (!attachment) return gone(`Attachment ${id}`)
      if (method === 'DELETE') {
        attachments.delete(id!)
        const target = volumes.get(attachment.volume_id)
        if (target) target.status = 'available'
        return [200, { attachments: [] }]
      }
      if (method === 'PUT' && volumes.get(attachment.volume_id)?.elsewhere)
        return [409, { conflictingRequest: { message: 'Only guests of another host reach it.' } }]
      return [200, { attachment }]
    }
    if (method === 'POST') {
      const given = body.volume as { name?: string; size?: number; imageRef?: string }
      const made: TestVolume = {
        id: random.uuid(),
        name: given.name ?? '',
        status: 'available',
        size: given.size ?? 1,
        bootable: given.imageRef ? 'true' : 'false',
        project: project!,
        multiattach: false,
      }
      volumes.set(made.id, made)
      return [202, { volume: made }]
    }
    if (id === 'detail')
      return [200, { volumes: [...volumes.values()].filter((each) => each.name === query.get('name')) }]
    const found = volumes.get(id!)
    if (!found) return gone(`Volume ${id}`)
    if (method === 'DELETE') {
      volumes.delete(id!)
      return [202]
    }
    return [200, { volume: found }]
  })

  const usedOf = (providerId: string, name: string) =>
    [...consumers.values()].reduce(
      (sum, each) => sum + (each.providerId === providerId ? (each.resources[name] ?? 0) : 0),
      0,
    )
  const capacityOf = (provider: Provider, name: string) => {
    const one = provider.inventories[name] as
      | { total: number; reserved: number; allocation_ratio: number }
      | undefined
    return one ? Math.floor((one.total - one.reserved) * one.allocation_ratio) : 0
  }
  const fits = (provider: Provider, resources: Record<string, number>) =>
    Object.entries(resources).every(
      ([name, amount]) => usedOf(provider.id, name) + amount <= capacityOf(provider, name),
    )

  const placement = fake('placement-api', ({ method, path, query, body }) => {
    const [kind, id, more] = path
    if (kind === 'allocation_candidates') {
      const resources = Object.fromEntries(
        query
          .get('resources')!
          .split(',')
          .map((each) => [each.split(':')[0]!, Number(each.split(':')[1])]),
      )
      const required = query.get('required')?.split(',') ?? []
      const suits = (provider: Provider) =>
        fits(provider, resources) &&
        required.every((name) =>
          name.startsWith('!') ? !provider.traits.includes(name.slice(1)) : provider.traits.includes(name),
        )
      const found = [...providers.values()].filter(suits)
      const summary = (provider: Provider) => ({
        traits: provider.traits,
        resources: Object.fromEntries(
          Object.keys(provider.inventories).map((name) => [
            name,
            { capacity: capacityOf(provider, name), used: usedOf(provider.id, name) },
          ]),
        ),
      })
      return [
        200,
        {
          allocation_requests: found.map((each) => ({ allocations: { [each.id]: { resources } } })),
          provider_summaries: Object.fromEntries(found.map((each) => [each.id, summary(each)])),
        },
      ]
    }
    if (kind === 'allocations') {
      const known = consumers.get(id!)
      if (method === 'GET')
        return [
          200,
          known
            ? {
                allocations: { [known.providerId]: { resources: known.resources } },
                consumer_generation: known.generation,
              }
            : { allocations: {} },
        ]
      if (method === 'DELETE') return consumers.delete(id!) ? [204] : gone('The consumer')
      const allocations = body.allocations as Record<string, { resources: Record<string, number> }>
      const [providerId, wish] = Object.entries(allocations)[0]!
      if (
        (known?.generation ?? null) !== body.consumer_generation ||
        !fits(providers.get(providerId)!, wish.resources)
      )
        return [409, { errors: [{ detail: 'Unable to allocate', code: 'placement.undefined_code' }] }]
      consumers.set(id!, { providerId, resources: wish.resources, generation: (known?.generation ?? 0) + 1 })
      return [204]
    }
    if (kind === 'traits') return [201]
    if (method === 'GET' && id === undefined) {
      const named = [...providers.values()].filter((each) => each.name === query.get('name'))
      return [200, { resource_providers: named.map((each) => ({ uuid: each.id, ...each })) }]
    }
    if (method === 'POST') {
      if ([...providers.values()].some((each) => each.name === body.name))
        return [409, { errors: [{ detail: 'The name is taken' }] }]
      const made = {
        id: String(body.uuid),
        name: String(body.name),
        generation: 0,
        inventories: {},
        traits: [],
        aggregates: [],
      }
      providers.set(made.id, made)
      return [200, made]
    }
    const provider = providers.get(id!)
    if (!provider) return [404, { errors: [{ detail: 'No such provider' }] }]
    if (more === 'allocations') {
      const of = [...consumers].filter(([, each]) => each.providerId === id)
      return [200, { allocations: Object.fromEntries(of.map(([consumer, each]) => [consumer, each])) }]
    }
    if (method === 'PUT') {
      if (body.resource_provider_generation !== provider.generation)
        return [409, { errors: [{ detail: 'stale' }] }]
      if (more === 'inventories') provider.inventories = body.inventories as Provider['inventories']
      else if (more === 'aggregates') provider.aggregates = body.aggregates as string[]
      else provider.traits = body.traits as string[]
      provider.generation++
      return [200, { resource_provider_generation: provider.generation }]
    }
    if (method === 'DELETE') {
      providers.delete(id!)
      return [204]
    }
    return [200, provider]
  })

  return {
    services: new Map([
      ['http://image.test', image],
      ['http://network.test', network],
      ['http://volume.test', volume],
      ['http://placement.test', placement],
    ]),
    images,
    networks,
    ports,
    groups,
    floating,
    volumes,
    attachments,
    providers,
    consumers,
    hooks,
  }
}

// What operators do beside their users: quotas, flavors, aggregates, hosts taken out and put back, looking at everything.
import type { Act } from './act.ts'
import { removing } from './network.ts'

export const operatorActs: Act[] = [
  {
    name: 'quota.set',
    weight: 3,
    async run(client) {
      const project = client.pick(client.everybody)!.projectId
      await client.operate('quota.set', undefined, async () => {
        const [service, path, body] = client.pick([
          ['compute', `/os-quota-sets/${project}`, { quota_set: { instances: client.random.int(3, 30) } }],
          [
            'block-storage',
            `/os-quota-sets/${project}`,
            { quota_set: { volumes: client.random.int(3, 30) } },
          ],
          ['network', `/v2.0/quotas/${project}`, { quota: { port: client.random.int(20, 100) } }],
        ] as const)!
        await client.ask(service, { method: 'PUT', path, body })
      })
    },
  },
  {
    name: 'flavor.create',
    weight: 1,
    possible: (client) => client.own('flavor').length < 3,
    async run(client) {
      await client.create('flavor', { ram: 128, vcpus: 1, disk: 1 })
    },
  },
  removing('flavor', 1),
  {
    name: 'aggregate.create',
    weight: 1,
    possible: (client) => client.own('aggregate').length < 2,
    async run(client) {
      await client.create('aggregate', {})
    },
  },
  {
    name: 'aggregate.hosts',
    weight: 2,
    possible: (client) => client.own('aggregate').length > 0,
    async run(client) {
      const aggregate = client.pick(client.own('aggregate'))!
      await client.operate('aggregate.hosts', aggregate, async () => {
        const { aggregate: shown } = await client.ask<{ aggregate: { hosts: string[] } }>('compute', {
          path: `/os-aggregates/${aggregate.id}`,
        })
        const { hypervisors } = await client.ask<{ hypervisors: { hypervisor_hostname: string }[] }>(
          'compute',
          {
            path: '/os-hypervisors',
          },
        )
        const host = client.pick(hypervisors)?.hypervisor_hostname
        if (!host) return
        const verb = shown.hosts.includes(host) ? 'remove_host' : 'add_host'
        await client.once('compute', {
          method: 'POST',
          path: `/os-aggregates/${aggregate.id}/action`,
          body: { [verb]: { host } },
        })
      })
    },
  },
  // With hosts in it that is refused.
  removing('aggregate', 1),
  {
    name: 'host.toggle',
    weight: 2,
    async run(client) {
      await client.operate('host.toggle', undefined, async () => {
        const { services } = await client.ask<{ services: { id: string; host: string }[] }>('compute', {
          path: '/os-services?binary=nova-compute',
        })
        const one = client.pick(services)
        if (!one) return
        const put = (status: 'enabled' | 'disabled') =>
          client.ask('compute', { method: 'PUT', path: `/os-services/${one.id}`, body: { status } })
        await put('disabled')
        await client.sleep(client.random.int(1000, 60_000))
        await put('enabled')
      })
    },
  },
  {
    name: 'cloud.look',
    weight: 4,
    async run(client) {
      await client.operate('cloud.look', undefined, async () => {
        const [service, path] = client.pick([
          ['compute', '/servers/detail?all_tenants=1'],
          ['compute', '/os-hypervisors/detail'],
          ['compute', '/os-simple-tenant-usage'],
          ['compute', '/os-services'],
          ['network', '/v2.0/agents'],
          ['network', '/v2.0/ports'],
          ['block-storage', '/volumes/detail?all_tenants=1'],
          ['block-storage', '/os-services'],
          ['placement', '/resource_providers'],
          ['identity', '/projects'],
        ] as const)!
        await client.ask(service, { path })
      })
    },
  },
]

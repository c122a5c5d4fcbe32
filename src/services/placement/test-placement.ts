// A rig for placement's tests: the service alone on a database of its own, and providers made in one line.
import { expect } from 'vitest'
import { withDefaults } from '#kit/config/section.ts'
import {
  authenticateBy,
  callsTo,
  type TestPlatform,
  testCaller,
  testPlatform,
} from '#kit/service/test-platform.ts'
import { placementConfig } from './config.ts'
import { openPlacement } from './service.ts'

export const at = (version: string) => ({ 'openstack-api-version': `placement ${version}` })

export type Given = {
  name?: string
  parent?: string
  traits?: string[]
  aggregates?: string[]
}

/** By default with a world and a database of its own. */
export async function testPlacement(shared: Partial<Pick<TestPlatform, 'world' | 'databaseUrl'>> = {}) {
  const platform = { ...testPlatform(), ...shared }
  const { random } = platform.world
  const callers = {
    admin: testCaller({ roles: ['admin'] }),
    service: testCaller({ roles: ['service'] }),
    member: testCaller({ roles: ['member', 'reader'] }),
  }
  const service = await openPlacement(platform, withDefaults(placementConfig), authenticateBy(callers))
  const call = callsTo(service.http, 'admin', at('1.39'))

  /** A provider with its inventories by class: a total, or all of it. */
  async function provide(
    inventories: Record<string, number | Record<string, number>>,
    { name, parent, traits, aggregates }: Given = {},
  ): Promise<string> {
    const uuid = random.uuid()
    const given = { name: name ?? `host-${uuid}`, uuid, ...(parent && { parent_provider_uuid: parent }) }
    const steps: [string, string, unknown][] = [['POST', '/resource_providers', given]]
    const below = `/resource_providers/${uuid}`
    let generation = 0
    const add = (what: string, body: object) =>
      steps.push(['PUT', `${below}/${what}`, { resource_provider_generation: generation++, ...body }])
    const shown = Object.entries(inventories).map(([each, stock]) => [
      each,
      typeof stock === 'number' ? { total: stock } : stock,
    ])
    if (shown.length > 0) add('inventories', { inventories: Object.fromEntries(shown) })
    if (traits) {
      for (const custom of traits.filter((each) => each.startsWith('CUSTOM_')))
        await call('PUT', `/traits/${custom}`)
      add('traits', { traits })
    }
    if (aggregates) add('aggregates', { aggregates })
    for (const [method, url, body] of steps)
      expect(await call(method, url, body)).toMatchObject({ status: 200 })
    return uuid
  }

  return {
    platform,
    random,
    service,
    call,
    as: (who: string) => callsTo(service.http, who, at('1.39')),
    provide,
  }
}

/** The body of a claim at the newest version. */
export const claim = (
  allocations: Record<string, Record<string, number>>,
  generation: number | null = null,
  type = 'INSTANCE',
) => ({
  allocations: Object.fromEntries(
    Object.entries(allocations).map(([uuid, resources]) => [uuid, { resources }]),
  ),
  project_id: 'project',
  user_id: 'user',
  consumer_generation: generation,
  consumer_type: type,
})

// What endpoints are for: the catalog that a project sees by endpoint filters, and the policy documents of endpoints.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inProject, passwordAuth, type TestIdentity, testIdentity } from './test-identity.ts'

let identity: TestIdentity
let admin: string
let project: string
let serviceId: string
let endpoints: { id: string; interface: string }[]
beforeAll(async () => {
  identity = await testIdentity()
  admin = await identity.admin()
  project = (await ask('GET', '/projects?name=admin')).body.projects[0].id
  serviceId = (await ask('GET', '/services?type=volumev3')).body.services[0].id
  endpoints = (await ask('GET', `/endpoints?service_id=${serviceId}`)).body.endpoints
})
afterAll(() => identity.close())

const ask = (method: string, path: string, body?: unknown) => identity.ask(admin, method, `/v3${path}`, body)
const idOf = (face: string) => endpoints.find((each) => each.interface === face)!.id
async function catalog(): Promise<string[]> {
  const { token } = (await identity.auth(passwordAuth('admin', 'admin-secret', inProject('admin')))).body
  return token.catalog.flatMap((service: { type: string; endpoints: { interface: string }[] }) =>
    service.endpoints.map((each) => `${service.type} ${each.interface}`),
  )
}

describe('the catalog of a project', () => {
  it('has all endpoints until one is given to it, and then those alone', async () => {
    const filter = `/OS-EP-FILTER/projects/${project}/endpoints`
    expect(await catalog()).toHaveLength(6)
    expect((await ask('PUT', `${filter}/${idOf('public')}`)).status).toBe(204)
    expect((await ask('PUT', `${filter}/${idOf('public')}`)).status).toBe(204)
    expect(await catalog()).toEqual(['volumev3 public'])
    expect((await ask('HEAD', `${filter}/${idOf('public')}`)).status).toBe(204)
    expect((await ask('HEAD', `${filter}/${idOf('admin')}`)).status).toBe(404)
    expect((await ask('GET', filter)).body.endpoints.map((each: { id: string }) => each.id)).toEqual([
      idOf('public'),
    ])
    const projects = await ask('GET', `/OS-EP-FILTER/endpoints/${idOf('public')}/projects`)
    expect(projects.body.projects.map((each: { id: string }) => each.id)).toEqual([project])
    expect((await ask('DELETE', `${filter}/${idOf('public')}`)).status).toBe(204)
    expect((await ask('DELETE', `${filter}/${idOf('public')}`)).status).toBe(404)
    expect(await catalog()).toHaveLength(6)
  })

  it('has the endpoints of the groups given to it', async () => {
    const groups = '/OS-EP-FILTER/endpoint_groups'
    const filters = { service_id: serviceId, interface: 'internal' }
    const made = (await ask('POST', groups, { endpoint_group: { name: 'inner', filters } })).body
      .endpoint_group
    expect((await ask('GET', `${groups}/${made.id}`)).body.endpoint_group).toEqual(made)
    expect(
      (await ask('POST', groups, { endpoint_group: { name: 'odd', filters: { url: 'x' } } })).status,
    ).toBe(400)
    const place = `${groups}/${made.id}/projects/${project}`
    expect((await ask('GET', place)).status).toBe(404)
    expect((await ask('PUT', place)).status).toBe(204)
    expect((await ask('GET', place)).body.project.id).toBe(project)
    expect(await catalog()).toEqual(['volumev3 internal'])
    const all = await ask('GET', `/OS-EP-FILTER/projects/${project}/endpoint_groups`)
    expect(all.body.endpoint_groups).toEqual([made])
    const patch = { endpoint_group: { filters: { interface: 'admin' } } }
    await ask('PATCH', `${groups}/${made.id}`, patch)
    expect((await catalog()).sort()).toEqual(['identity admin', 'volumev3 admin'])
    expect((await ask('GET', `${groups}/${made.id}/endpoints`)).body.endpoints).toHaveLength(2)
    expect((await ask('DELETE', `${groups}/${made.id}`)).status).toBe(204)
    expect(await catalog()).toHaveLength(6)
  })
})

describe('the policy of an endpoint', () => {
  it('is its own, else that of its service in its region or around it, else that of its service', async () => {
    const policy = async (blob: string) =>
      (await ask('POST', '/policies', { policy: { type: 'text/plain', blob } })).body.policy.id as string
    const ids = [await policy('own'), await policy('region'), await policy('around'), await policy('service')]
    const [own, region, around, service] = ids as [string, string, string, string]
    await ask('PUT', '/regions/world', { region: {} })
    await ask('PATCH', '/regions/RegionOne', { region: { parent_region_id: 'world' } })
    const at = (id: string, rest: string) => `/policies/${id}/OS-ENDPOINT-POLICY/${rest}`
    const paths = [
      at(own, `endpoints/${idOf('public')}`),
      at(region, `services/${serviceId}/regions/RegionOne`),
      at(around, `services/${serviceId}/regions/world`),
      at(service, `services/${serviceId}`),
    ]
    for (const path of paths) {
      expect((await ask('GET', path)).status).toBe(404)
      expect((await ask('PUT', path)).status).toBe(204)
      expect((await ask('GET', path)).status).toBe(204)
    }
    const effective = async () => {
      const shown = await ask('GET', `/endpoints/${idOf('public')}/OS-ENDPOINT-POLICY/policy`)
      return shown.body.policy?.blob
    }
    const seen: string[] = []
    for (const path of paths) {
      seen.push(await effective())
      expect((await ask('DELETE', path)).status).toBe(204)
    }
    expect([...seen, await effective()]).toEqual(['own', 'region', 'around', 'service', undefined])
    await ask('PUT', paths[0]!)
    await ask('PUT', paths[3]!)
    const of = async (id: string) =>
      (await ask('GET', at(id, 'endpoints'))).body.endpoints.map((each: { id: string }) => each.id).sort()
    expect(await of(own)).toEqual([idOf('public')])
    expect(await of(service)).toEqual([idOf('admin'), idOf('internal')].sort())
    expect((await ask('DELETE', `/policies/${own}`)).status).toBe(204)
    expect(await effective()).toBe('service')
  })
})

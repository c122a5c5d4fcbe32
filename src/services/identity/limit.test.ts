// Unified limits: what is registered for all, what overrides it for one, who sees which, and the model of two levels.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inProject, type TestIdentity, testIdentity } from './test-identity.ts'

let identity: TestIdentity
let admin: string
let serviceId: string
let project: string
let member: string
beforeAll(async () => {
  identity = await testIdentity({ limitModel: 'strict_two_level' })
  admin = await identity.admin()
  serviceId = (await make('/services', { service: { type: 'compute' } })).body.service.id
  project = (await make('/projects', { project: { name: 'quest' } })).body.project.id
  const user = (await make('/users', { user: { name: 'frodo', password: 'ring' } })).body.user.id
  const role = (await ask('GET', '/roles?name=member')).body.roles[0].id
  await ask('PUT', `/projects/${project}/users/${user}/roles/${role}`)
  member = await identity.login('frodo', 'ring', inProject('quest'))
})
afterAll(() => identity.close())

const ask = (method: string, path: string, body?: unknown, token = admin) =>
  identity.ask(token, method, `/v3${path}`, body)
const make = (path: string, body: unknown) => ask('POST', path, body)
const register = (name: string, amount: number, more: Record<string, unknown> = {}) =>
  make('/registered_limits', {
    registered_limits: [{ service_id: serviceId, resource_name: name, default_limit: amount, ...more }],
  })
const override = (name: string, amount: number, of: Record<string, string> = { project_id: project }) =>
  make('/limits', { limits: [{ service_id: serviceId, resource_name: name, resource_limit: amount, ...of }] })

describe('a registered limit', () => {
  it('is one per service, region and resource, all of a request or none', async () => {
    const made = (await register('cores', 20)).body.registered_limits[0]
    expect(made).toMatchObject({
      service_id: serviceId,
      region_id: null,
      default_limit: 20,
      description: null,
    })
    expect((await register('cores', 30)).status).toBe(409)
    expect((await register('cores', 30, { region_id: 'RegionOne' })).status).toBe(201)
    expect((await register('cores', 30, { region_id: 'nowhere' })).status).toBe(400)
    const both = [
      { service_id: serviceId, resource_name: 'ram', default_limit: 1 },
      { service_id: 'nobody', resource_name: 'ram', default_limit: 1 },
    ]
    expect((await make('/registered_limits', { registered_limits: both })).status).toBe(400)
    expect((await ask('GET', '/registered_limits?resource_name=ram')).body.registered_limits).toEqual([])
    expect((await ask('GET', '/registered_limits', undefined, member)).body.registered_limits).toHaveLength(2)
    expect((await ask('POST', '/registered_limits', { registered_limits: both }, member)).status).toBe(403)
  })

  it('changes its amount at any time, and its place only while nothing overrides it', async () => {
    const { id } = (await register('disk', 100)).body.registered_limits[0]
    const patch = (change: Record<string, unknown>) =>
      ask('PATCH', `/registered_limits/${id}`, { registered_limit: change })
    const limit = (await override('disk', 50)).body.limits[0]
    expect((await patch({ default_limit: 90 })).body.registered_limit.default_limit).toBe(90)
    expect((await patch({ resource_name: 'disks' })).status).toBe(403)
    expect((await ask('DELETE', `/registered_limits/${id}`)).status).toBe(403)
    expect((await ask('DELETE', `/limits/${limit.id}`)).status).toBe(204)
    expect((await patch({ resource_name: 'disks' })).status).toBe(200)
    expect((await ask('DELETE', `/registered_limits/${id}`)).status).toBe(204)
    expect((await ask('GET', `/registered_limits/${id}`)).status).toBe(404)
  })
})

describe('a limit', () => {
  it('overrides what is registered, for one project or one domain', async () => {
    await register('ports', 50)
    expect((await override('nothing', 1)).status).toBe(400)
    expect((await override('ports', 1, { project_id: project, domain_id: 'default' })).status).toBe(400)
    expect((await override('ports', 1, { project_id: 'nobody' })).status).toBe(400)
    const { limits } = (await override('ports', 10)).body
    expect(limits[0]).toMatchObject({ project_id: project, domain_id: null, resource_limit: 10 })
    expect((await override('ports', 11)).status).toBe(409)
    const changed = await ask('PATCH', `/limits/${limits[0].id}`, { limit: { resource_limit: 12 } })
    expect(changed.body.limit.resource_limit).toBe(12)
    const found = await ask(
      'GET',
      `/limits?service_id=${serviceId}&resource_name=ports&project_id=${project}`,
    )
    expect(found.body.limits).toEqual([changed.body.limit])
  })

  it('is seen by its own project and by administrators', async () => {
    await register('keys', 50)
    const other = (await make('/projects', { project: { name: 'mordor' } })).body.project.id
    const mine = (await override('keys', 5)).body.limits[0].id
    const theirs = (await override('keys', 6, { project_id: other })).body.limits[0].id
    const seen = async (token: string) =>
      (await ask('GET', '/limits?resource_name=keys', undefined, token)).body.limits.map(
        (each: { id: string }) => each.id,
      )
    expect(await seen(member)).toEqual([mine])
    expect((await seen(admin)).sort()).toEqual([mine, theirs].sort())
    expect((await ask('GET', `/limits/${theirs}`, undefined, member)).status).toBe(403)
    await ask('DELETE', `/projects/${other}`)
    expect(await seen(admin)).toEqual([mine])
  })

  it('is shown with the projects above or below another, where that is asked', async () => {
    await register('snapshots', 9)
    await override('snapshots', 3)
    const user = (await ask('GET', '/users?name=admin')).body.users[0].id
    const role = (await ask('GET', '/roles?name=reader')).body.roles[0].id
    await ask('PUT', `/projects/${project}/users/${user}/roles/${role}`)
    const family = async (query: string) =>
      (await ask('GET', `/projects/default?subtree_as_list${query}`)).body.project.subtree.find(
        (each: { project: { id: string } }) => each.project.id === project,
      ).project
    expect(await family('')).not.toHaveProperty('limits')
    expect((await family('&include_limits')).limits).toContainEqual(
      expect.objectContaining({ project_id: project, resource_name: 'snapshots', resource_limit: 3 }),
    )
  })

  it('of a project is never above that of its domain, where the model says so', async () => {
    expect((await ask('GET', '/limits/model')).body.model.name).toBe('strict_two_level')
    await register('volumes', 100)
    expect((await override('volumes', 101)).status).toBe(403)
    expect((await override('volumes', -1)).status).toBe(403)
    const ofProject = (await override('volumes', 60)).body.limits[0].id
    expect((await override('volumes', 59, { domain_id: 'default' })).status).toBe(403)
    expect((await override('volumes', 80, { domain_id: 'default' })).status).toBe(201)
    const change = (amount: number) =>
      ask('PATCH', `/limits/${ofProject}`, { limit: { resource_limit: amount } })
    expect([(await change(81)).status, (await change(80)).status]).toEqual([403, 200])
    const deep = { project: { name: 'deep', parent_id: project } }
    expect((await make('/projects', deep)).status).toBe(403)
  })
})

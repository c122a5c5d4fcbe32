// Prepares the first cloud: domain, roles, administrator, service users, catalog. Every boot runs it; what is there
// stays as it is, except for endpoints, which follow the configuration.
import type { Transaction } from '#kit/db/database.ts'
import type { Identity } from '../app.ts'
import { wholeSystem } from '../resources/assignment.ts'
import { defaultDomainId } from '../resources/domain.ts'
import { type Interface, interfaces } from '../resources/endpoint.ts'
import { domainOfDomains } from '../resources/project.ts'
import { noDomain } from '../resources/role.ts'
import { insertAssignment } from '../store/assignment.ts'
import { insertEndpoint, listEndpoints, updateEndpoint } from '../store/endpoint.ts'
import { findProject, findProjectByName, insertProject } from '../store/project.ts'
import { findRegion, insertRegion } from '../store/region.ts'
import { insertImplication, insertRole, listRoles } from '../store/role.ts'
import { insertService, listServices } from '../store/service.ts'
import { findUserByName, insertUser } from '../store/user.ts'
import { change } from './change.ts'

export type CatalogService = {
  type: string
  name: string
  /** Of all interfaces, or of each; may hold $(project_id)s. */
  url: string | Record<Interface, string>
}

export type FirstCloud = {
  region: string
  adminPassword: string
  /** Users of project `service`, with their passwords. */
  serviceUsers: readonly { name: string; password: string }[]
  catalog: readonly CatalogService[]
  /** True of a password that was made of 128 random bits or more; the default takes none for one. */
  isRandom?: (password: string) => boolean
}

/** Each with the one that it implies. `_member_` is what older dashboards give to a project's people. */
const roleNames = ['admin', 'manager', 'member', 'reader', 'service', '_member_']
const implied = [
  ['admin', 'manager'],
  ['manager', 'member'],
  ['member', 'reader'],
] as const

export async function bootstrap(app: Identity, cloud: FirstCloud): Promise<void> {
  const hashes = await missingHashes(app, cloud)
  await change(app, async (tx) => {
    await ensureDomain(app, tx)
    const roles = await ensureRoles(app, tx)
    const admin = await ensureUser(app, tx, 'admin', hashes)
    const adminProject = await ensureProject(app, tx, 'admin', 'For administration')
    const serviceProject = await ensureProject(app, tx, 'service', 'The services of the cloud')
    const give = (userId: string, role: string, projectId?: string) =>
      insertAssignment(tx, {
        actorKind: 'user',
        actorId: userId,
        targetKind: projectId === undefined ? 'system' : 'project',
        targetId: projectId ?? wholeSystem,
        roleId: roles.get(role)!,
        inherited: false,
        createdAt: app.world.clock.now(),
      })
    if (admin) {
      await give(admin, 'admin', adminProject)
      await give(admin, 'admin')
    }
    for (const { name } of cloud.serviceUsers) {
      const id = await ensureUser(app, tx, name, hashes)
      if (!id) continue
      await give(id, 'admin', serviceProject)
      await give(id, 'service', serviceProject)
    }
    await ensureCatalog(app, tx, cloud)
  })
}

/** Hashing is slow and must not hold a transaction; only those who are missing are hashed. */
async function missingHashes(app: Identity, cloud: FirstCloud): Promise<Map<string, string>> {
  const wanted = [{ name: 'admin', password: cloud.adminPassword }, ...cloud.serviceUsers]
  const hashed = await Promise.all(
    wanted.map(async ({ name, password }) => {
      if (await findUserByName(app.db, name, defaultDomainId)) return undefined
      const { hash, hashRandom } = app.passwords
      return [name, await (cloud.isRandom?.(password) ? hashRandom : hash)(password)] as const
    }),
  )
  return new Map(hashed.filter((each) => each !== undefined))
}

async function ensureDomain(app: Identity, tx: Transaction): Promise<void> {
  if (await findProject(tx, defaultDomainId)) return
  await insertProject(tx, {
    id: defaultDomainId,
    name: 'Default',
    domainId: domainOfDomains,
    parentId: null,
    description: 'The default domain',
    enabled: true,
    isDomain: true,
    tags: [],
    options: {},
    extra: {},
    createdAt: app.world.clock.now(),
  })
}

async function ensureProject(
  app: Identity,
  tx: Transaction,
  name: string,
  description: string,
): Promise<string> {
  const there = await findProjectByName(tx, name, defaultDomainId)
  if (there) return there.id
  const id = app.world.random.hexId()
  await insertProject(tx, {
    id,
    name,
    domainId: defaultDomainId,
    parentId: defaultDomainId,
    description,
    enabled: true,
    isDomain: false,
    tags: [],
    options: {},
    extra: {},
    createdAt: app.world.clock.now(),
  })
  return id
}

/** Ids by name. */
async function ensureRoles(app: Identity, tx: Transaction): Promise<Map<string, string>> {
  const there = await listRoles(tx, { domainId: noDomain })
  const ids = new Map(there.map((role) => [role.name, role.id]))
  for (const name of roleNames) {
    if (ids.has(name)) continue
    const id = app.world.random.hexId()
    await insertRole(tx, {
      id,
      name,
      domainId: noDomain,
      description: null,
      // Losing one of these would lock everybody out.
      options: name === '_member_' ? {} : { immutable: true },
      extra: {},
      createdAt: app.world.clock.now(),
    })
    ids.set(name, id)
  }
  // Only together with the roles: what an administrator undid later stays undone.
  if (there.length === 0)
    for (const [prior, next] of implied)
      await insertImplication(tx, { priorRoleId: ids.get(prior)!, impliedRoleId: ids.get(next)! })
  return ids
}

/** The id of a user that was made just now; undefined for one who was there, and keeps what it has. */
async function ensureUser(
  app: Identity,
  tx: Transaction,
  name: string,
  hashes: ReadonlyMap<string, string>,
): Promise<string | undefined> {
  const passwordHash = hashes.get(name)
  if (passwordHash === undefined || (await findUserByName(tx, name, defaultDomainId))) return undefined
  const id = app.world.random.hexId()
  await insertUser(tx, {
    id,
    name,
    domainId: defaultDomainId,
    description: null,
    enabled: true,
    defaultProjectId: null,
    passwordHash,
    options: {},
    extra: {},
    createdAt: app.world.clock.now(),
  })
  return id
}

async function ensureCatalog(app: Identity, tx: Transaction, cloud: FirstCloud): Promise<void> {
  const createdAt = app.world.clock.now()
  if (!(await findRegion(tx, cloud.region)))
    await insertRegion(tx, { id: cloud.region, description: '', parentRegionId: null, extra: {}, createdAt })
  for (const { type, name, url } of cloud.catalog) {
    const there = (await listServices(tx, { type, name }))[0]
    const serviceId = there?.id ?? app.world.random.hexId()
    const extra = { description: `The ${type} service` }
    if (!there) await insertService(tx, { id: serviceId, type, name, enabled: true, extra, createdAt })
    const known = await listEndpoints(tx, { serviceId, regionId: cloud.region })
    for (const face of interfaces) {
      const wanted = typeof url === 'string' ? url : url[face]
      const row = known.find((each) => each.interface === face)
      if (row && row.url !== wanted) await updateEndpoint(tx, row.id, { url: wanted })
      if (!row)
        await insertEndpoint(tx, {
          id: app.world.random.hexId(),
          serviceId,
          interface: face,
          regionId: cloud.region,
          url: wanted,
          enabled: true,
          extra: {},
          createdAt,
        })
    }
  }
}

// Everybody who may knock at a route: people with each role in the project that owns the samples, in a foreign one, in
// domains and in the system, and those who bring no token, or one that is worth nothing.
import type { TestCloud } from '../test-cloud.ts'
import type { Standing } from './evaluate.ts'

export type Caller = Standing & {
  name: string
  token: string
  /** In no project, domain or system that has to do with the owner's, and not an administrator. */
  foreign: boolean
}
export type Stranger = { name: string; token: string | undefined }

export type Place = { domainId: string; projectId: string; otherId: string }
export type People = {
  /** Where the samples are, and where strangers come from. */
  home: Place
  away: Place
  owner: Caller
  admin: Caller
  callers: readonly Caller[]
  strangers: readonly Stranger[]
}

type Scope = 'project' | 'domain' | 'system' | 'none'
const implied: Record<string, string[]> = {
  admin: ['admin', 'manager', 'member', 'reader'],
  manager: ['manager', 'member', 'reader'],
  member: ['member', 'reader'],
  reader: ['reader'],
  service: ['service'],
}
export const password = 'correct horse battery staple'

export async function makePeople(cloud: TestCloud): Promise<People> {
  const call = <T>(method: string, path: string, body?: unknown) =>
    cloud.admin.call<T>('identity', { method, path, body })
  const { roles } = await call<{ roles: { id: string; name: string }[] }>('GET', '/roles')
  const roleIds = new Map(roles.map((role) => [role.name, role.id]))
  const place = async (name: string): Promise<Place> => {
    const domain = await call<{ domain: { id: string } }>('POST', '/domains', { domain: { name } })
    const domainId = domain.domain.id
    const project = async (name: string) =>
      (
        await call<{ project: { id: string } }>('POST', '/projects', {
          project: { name, domain_id: domainId },
        })
      ).project.id
    return { domainId, projectId: await project(name), otherId: await project(`${name}-other`) }
  }
  const home = await place('home')
  const away = await place('away')

  const user = async (name: string, at: Place, scope: Scope, role: string): Promise<Caller> => {
    const made = await call<{ user: { id: string } }>('POST', '/users', {
      user: { name, domain_id: at.domainId, password, ...told(at) },
    })
    const userId = made.user.id
    const targets: Record<Scope, string> = {
      project: `/projects/${at.projectId}`,
      domain: `/domains/${at.domainId}`,
      system: '/system',
      none: `/projects/${at.projectId}`,
    }
    await call('PUT', `${targets[scope]}/users/${userId}/roles/${roleIds.get(role)}`)
    return {
      name,
      token: await logIn(cloud, userId, scope, at),
      userId,
      userDomainId: at.domainId,
      ...(scope === 'project' && { projectId: at.projectId, projectDomainId: at.domainId }),
      ...(scope === 'domain' && { domainId: at.domainId }),
      ...(scope === 'system' && { system: true }),
      roles: scope === 'none' ? [] : implied[role]!,
      foreign: at.domainId === away.domainId && role !== 'admin' && scope !== 'system',
    }
  }

  const owner = await user('owner', home, 'project', 'member')
  const admin = await user('admin-of-project', home, 'project', 'admin')
  const callers = [
    owner,
    admin,
    await user('reader', home, 'project', 'reader'),
    await user('member', home, 'project', 'member'),
    await user('manager', home, 'project', 'manager'),
    await user('foreign-reader', away, 'project', 'reader'),
    await user('foreign-member', away, 'project', 'member'),
    await user('foreign-manager', away, 'project', 'manager'),
    // In a project of its own: an administrator may use what is the owner's.
    await user('foreign-admin', { ...away, projectId: away.otherId }, 'project', 'admin'),
    await user('service', away, 'project', 'service'),
    await user('domain-reader', home, 'domain', 'reader'),
    await user('domain-manager', home, 'domain', 'manager'),
    await user('foreign-domain-manager', away, 'domain', 'manager'),
    await user('domain-admin', home, 'domain', 'admin'),
    await user('system-reader', away, 'system', 'reader'),
    await user('system-admin', away, 'system', 'admin'),
    await user('unscoped', home, 'none', 'member'),
  ]
  return { home, away, owner, admin, callers, strangers: await worthless(cloud, owner, home) }
}

/** What a user may tell of itself, so that answers show all that they can. */
const told = ({ projectId }: Place) => ({
  description: 'A sample',
  default_project_id: projectId,
  email: 'sample@sample.test',
})

async function worthless(cloud: TestCloud, owner: Caller, home: Place): Promise<Stranger[]> {
  const revoked = await logIn(cloud, owner.userId, 'project', home)
  const headers = { 'x-auth-token': revoked, 'x-subject-token': revoked }
  const url = `${cloud.platform.endpoint('identity')}/v3/auth/tokens`
  const { status } = await cloud.http.request({ method: 'DELETE', url, headers })
  if (status !== 204) throw new Error(`A token was not revoked: ${status}`)
  const garbled = owner.token.slice(0, 60) + (owner.token[60] === 'A' ? 'B' : 'A') + owner.token.slice(61)
  return [
    { name: 'nobody', token: undefined },
    { name: 'garbage', token: 'not-a-token' },
    { name: 'garbled', token: garbled },
    { name: 'revoked', token: revoked },
  ]
}

export async function logIn(cloud: TestCloud, id: string, scope: Scope, at: Place): Promise<string> {
  const scopes: Record<Scope, unknown> = {
    project: { project: { id: at.projectId } },
    domain: { domain: { id: at.domainId } },
    system: { system: { all: true } },
    none: 'unscoped',
  }
  const answer = await cloud.http.request({
    method: 'POST',
    url: `${cloud.platform.endpoint('identity')}/v3/auth/tokens`,
    body: {
      auth: {
        identity: { methods: ['password'], password: { user: { id, password } } },
        scope: scopes[scope],
      },
    },
  })
  const token = answer.headers['x-subject-token']
  if (!token) throw new Error(`No login for ${scope}: ${JSON.stringify(answer.body)}`)
  return token
}

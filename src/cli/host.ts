// Hosts and join tokens over the API: what `nimbo host` and `nimbo token` ask, and how they show it.
import type { Session } from './openstack.ts'
import { columns, paint, type Terminal } from './terminal.ts'

export type HostState = {
  name: string
  address: string | null
  state: 'up' | 'down'
  status: 'enabled' | 'disabled' | 'removing'
  disabled_reason: string | null
  own: boolean
  services: { name: string; state: 'up' | 'down' }[]
  servers: number
  version: string | null
  joined_at: string | null
  certificate_until: string | null
}

export type JoinToken = {
  id: string
  host: string | null
  status: 'valid' | 'used' | 'expired'
  used_by: string | null
  created_at: string
  expires_at: string
}

const hostPath = (name: string) => `/hosts/${encodeURIComponent(name)}`

export async function listHosts(session: Session): Promise<HostState[]> {
  return (await session.call<{ hosts: HostState[] }>('hosts', { path: '/hosts' })).hosts
}

export async function showHost(session: Session, name: string): Promise<HostState> {
  return (await session.call<{ host: HostState }>('hosts', { path: hostPath(name) })).host
}

export async function disableHost(session: Session, name: string, reason?: string): Promise<HostState> {
  const body = reason === undefined ? {} : { reason }
  const path = `${hostPath(name)}/disable`
  return (await session.call<{ host: HostState }>('hosts', { method: 'PUT', path, body })).host
}

export async function enableHost(session: Session, name: string): Promise<HostState> {
  const path = `${hostPath(name)}/enable`
  return (await session.call<{ host: HostState }>('hosts', { method: 'PUT', path })).host
}

export async function removeHost(
  session: Session,
  name: string,
  force: boolean,
): Promise<{ status: 'removed' | 'removing' }> {
  const path = hostPath(name) + (force ? '?force=true' : '')
  const answer = await session.call<{ host: { status: 'removed' | 'removing' } }>('hosts', {
    method: 'DELETE',
    path,
    timeoutMs: 120_000,
  })
  return answer.host
}

export async function createToken(
  session: Session,
  wish: { ttl?: number; host?: string },
): Promise<JoinToken & { token: string }> {
  const answer = await session.call<{ join_token: JoinToken & { token: string } }>('hosts', {
    method: 'POST',
    path: '/join-tokens',
    body: { join_token: wish },
  })
  return answer.join_token
}

export async function listTokens(session: Session): Promise<JoinToken[]> {
  return (await session.call<{ join_tokens: JoinToken[] }>('hosts', { path: '/join-tokens' })).join_tokens
}

export async function revokeToken(session: Session, id: string): Promise<void> {
  await session.call('hosts', { method: 'DELETE', path: `/join-tokens/${encodeURIComponent(id)}` })
}

export function formatHosts(hosts: readonly HostState[], terminal: Pick<Terminal, 'colors'>): string[] {
  const rows = hosts.map((host) => [
    host.name,
    host.address ?? '-',
    host.state,
    host.status,
    String(host.servers),
    `${host.services.filter(({ state }) => state === 'up').length}/${host.services.length}`,
    host.joined_at?.slice(0, 16).replace('T', ' ') ?? '-',
  ])
  const [head, ...lines] = columns([
    ['NAME', 'ADDRESS', 'STATE', 'STATUS', 'SERVERS', 'SERVICES', 'JOINED (UTC)'],
    ...rows,
  ])
  const colored = lines.map((line, index) =>
    hosts[index]!.state === 'up' ? line : paint(terminal, 'yellow', line),
  )
  return [paint(terminal, 'bold', head!), ...colored]
}

export function formatHost(host: HostState): string[] {
  const { services, ...rest } = host
  return columns([
    ...Object.entries(rest).flatMap(([name, value]) =>
      value === null ? [] : [[name.replaceAll('_', ' '), String(value)]],
    ),
    ...services.map(({ name, state }, index) => [index === 0 ? 'services' : '', `${name} ${state}`]),
  ])
}

export function formatTokens(tokens: readonly JoinToken[]): string[] {
  const rows = tokens.map((token) => [
    token.id,
    token.status,
    token.host ?? 'any',
    token.used_by ?? '-',
    token.expires_at.slice(0, 16).replace('T', ' '),
  ])
  return columns([['ID', 'STATUS', 'FOR HOST', 'USED BY', 'EXPIRES (UTC)'], ...rows])
}

// "There, or made now": each part of the first cloud is looked up by name before it is made,
// so that a run after a crash completes what is missing and a run on a complete cloud changes nothing.
import type { Session } from './openstack.ts'

export type Named = { id: string; name: string }

/** The plural list's first entry of this name. `query` narrows the list: 'project_id=...'. */
export async function findNamed<T extends Named = Named>(
  session: Session,
  type: string,
  path: string,
  name: string,
  query = '',
): Promise<T | undefined> {
  const search = `?name=${encodeURIComponent(name)}${query ? `&${query}` : ''}`
  const body = await session.call<Record<string, unknown>>(type, { path: path + search })
  const list = Object.values(body).find((value) => Array.isArray(value)) as T[] | undefined
  return list?.find((entry) => entry.name === name)
}

/** `wrapper` is the body's one member, as in {"network": {...}}; left out, the body goes bare. */
export async function ensureNamed<T extends Named = Named>(
  session: Session,
  type: string,
  path: string,
  wrapper: string | undefined,
  body: { name: string } & Record<string, unknown>,
  query = '',
): Promise<T> {
  const found = await findNamed<T>(session, type, path, body.name, query)
  if (found) return found
  const sent = wrapper ? { [wrapper]: body } : body
  const made = await session.call<Record<string, unknown>>(type, { method: 'POST', path, body: sent })
  return (wrapper ? made[wrapper] : made) as T
}

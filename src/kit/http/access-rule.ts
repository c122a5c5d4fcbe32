// Access rules: an application credential may be good for some requests only. Every service checks them on its own
// requests, since only it knows which one this is. https://docs.openstack.org/keystone/latest/user/application_credentials.html#access-rules
import { CloudError } from '../errors/cloud-error.ts'

export type AccessRule = { service: string; method: string; path: string }

/** `types` are the names under which the service stands in the catalog; a service that names none serves no such caller. */
export function checkAccess(
  rules: readonly AccessRule[] | undefined,
  types: readonly string[],
  request: { method: string; path: string },
): void {
  if (!rules) return
  // A HEAD asks for no more than its GET.
  const methods = request.method === 'HEAD' ? ['HEAD', 'GET'] : [request.method]
  const allowed = rules.some(
    (rule) =>
      types.includes(rule.service) && methods.includes(rule.method) && matches(rule.path, request.path),
  )
  if (!allowed)
    throw new CloudError('unauthorized', 'The request you have made requires authentication.', {
      detail: 'none of the access rules of the application credential allows this request',
    })
}

/**
 * `**` stands for anything, `*` and `{name}` for one part of the path; each for one character at least. Walks through
 * the pattern with all places of the path that it may have come to: a regular expression made of somebody's pattern
 * could be made to run for ever.
 */
function matches(pattern: string, path: string): boolean {
  let places = new Set([0])
  for (const piece of pattern.match(/\*\*|\*|\{[^/}]*\}|[^*{]+|\{/g) ?? []) {
    const next = new Set<number>()
    if (piece === '**') for (let at = Math.min(...places) + 1; at <= path.length; at++) next.add(at)
    else if (piece === '*' || (piece.startsWith('{') && piece.length > 1)) {
      for (const place of places)
        for (let at = place; at < path.length && path[at] !== '/' && !next.has(at + 1); at++) next.add(at + 1)
    } else for (const place of places) if (path.startsWith(piece, place)) next.add(place + piece.length)
    if (next.size === 0) return false
    places = next
  }
  return places.has(path.length)
}

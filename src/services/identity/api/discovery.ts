// Where clients start: the versions at the root, the v3 document, and its JSON-Home for those that ask for that.
import { answer, type Route } from '#kit/http/route.ts'
import { type Identity, route } from '../app.ts'

const vary = { vary: 'X-Auth-Token' }

/** The API version that Zed's keystone names; clients only compare its first number. */
function versionOf(origin: string): Record<string, unknown> {
  return {
    id: 'v3.14',
    status: 'stable',
    updated: '2020-04-07T00:00:00Z',
    links: [{ rel: 'self', href: `${origin}/v3/` }],
    'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
  }
}

/** `listed` are the routes that the JSON-Home names. */
export function discoveryRoutes(listed: readonly Route<Identity>[]): Route<Identity>[] {
  const home = jsonHome(listed)
  return [
    route('GET', '/', {
      policy: 'public',
      root: true,
      handle: async ({ origin }) =>
        answer({
          status: 300,
          headers: { ...vary, location: `${origin}/v3/` },
          body: { versions: { values: [versionOf(origin)] } },
        }),
    }),
    route('GET', '/v3', {
      policy: 'public',
      root: true,
      handle: async ({ origin }, { headers }) =>
        headers.accept?.includes('application/json-home')
          ? answer({
              headers: { ...vary, 'content-type': 'application/json-home' },
              body: home,
              status: 200,
            })
          : answer({ status: 200, headers: vary, body: { version: versionOf(origin) } }),
    }),
  ]
}

/** One entry per path; its relation is named by the path's fixed words. https://datatracker.ietf.org/doc/draft-nottingham-json-home/ */
function jsonHome(routes: readonly Route<Identity>[]): { resources: Record<string, unknown> } {
  const resources: Record<string, unknown> = {}
  for (const path of new Set(routes.map((each) => each.path))) {
    const names = [...path.matchAll(/:(\w+)/g)].map((match) => match[1]!)
    const vars = names.map((name) => [name, `${documents}/param/${name}`])
    resources[`${documents}/rel/${relationOf(path)}`] =
      names.length === 0
        ? { href: path }
        : {
            'href-template': path.replace(/:(\w+)/g, '{$1}'),
            'href-vars': Object.fromEntries(vars),
          }
  }
  return { resources }
}

const documents = 'https://docs.openstack.org/api/openstack-identity/3'

/** '/projects' is `projects`, '/projects/:project_id' is `project`, '/projects/:project_id/tags' is `project_tags`. */
function relationOf(path: string): string {
  const parts = path.split('/').slice(1)
  const words = parts.flatMap((part, at) => {
    if (part.startsWith(':')) return []
    const isCollectionOf = parts[at + 1]?.startsWith(':')
    return [isCollectionOf ? singular(part) : part]
  })
  return words.join('_').replaceAll('-', '_').toLowerCase()
}

function singular(word: string): string {
  if (word.endsWith('ies')) return `${word.slice(0, -3)}y`
  return word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, -1) : word
}

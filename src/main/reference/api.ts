// The page of one service's API: each call with its versions, its rule, its body's members and its usual answer.
import type { Body } from '#kit/http/body.ts'
import type { Route } from '#kit/http/route.ts'
import { callOf, type Declared } from '../declared.ts'
import { code, table } from './table.ts'

/** Calls that were taken back: they are told in a line. */
const gone = 410

export function apiPage(service: string, declared: Declared): string {
  const { title, routes, prefix, microversions } = declared
  const rows = routes
    .filter((route) => route.status !== gone)
    .map((route) => [
      code(callOf(route, prefix)),
      versions(route),
      guard(route),
      bodyOf(route),
      route.status === undefined ? '' : String(route.status),
    ])
  const range =
    microversions &&
    `Microversions ${microversions.min} to ${microversions.max}, type \`${microversions.type}\`. `
  return [
    `# ${title}: API`,
    '',
    `${rows.length} calls. ${range ?? ''}Rules are in [policy-${service}.md](policy-${service}.md); what all calls have in common is in [README.md](README.md).`,
    '',
    table(
      ['Call', 'Versions', 'Rule', 'Body', 'Answer'],
      [...new Map(rows.map((row) => [row.join(), row])).values()],
    ),
    '',
    ...lines(routes, prefix),
  ].join('\n')
}

function lines(routes: Declared['routes'], prefix: string): string[] {
  const paths = routes.filter((route) => route.status === gone).map((route) => prefix + route.path)
  const whole = [...new Set(paths.map((path) => path.replace(/\/:item$/, '')))]
  if (whole.length === 0) return []
  const shown = whole.map((path) => code(path.replace(/:(\w+)/g, '{$1}')))
  return [`Gone (410, whatever the method): ${shown.join(', ')}.`, '']
}

function versions({ since, until }: Pick<Route<never>, 'since' | 'until'>): string {
  if (since === undefined && until === undefined) return ''
  if (until === undefined) return `${since} on`
  return since === undefined ? `to ${until}` : `${since} to ${until}`
}

function guard({ policy }: Pick<Route<never>, 'policy'>): string {
  if (policy === 'public') return 'no token'
  return policy === 'token' ? 'on the object' : code(policy.name)
}

function bodyOf({ body }: Pick<Route<never>, 'body'>): string {
  if (body === undefined) return ''
  return body === 'stream' ? 'bytes' : membersOf(body)
}

type Schema = { properties?: Record<string, Schema>; required?: readonly string[] }

/** `server: name, flavorRef, imageRef?`: a question mark for what may be left out. */
function membersOf(body: Body<unknown>): string {
  const whole = body.schemaAt() as Schema
  const inner = body.wrapper === undefined ? whole : whole.properties?.[body.wrapper]
  const names = Object.keys(inner?.properties ?? {})
  const shown = names.map((name) => `${name}${inner?.required?.includes(name) ? '' : '?'}`)
  const list = shown.length === 0 ? 'JSON' : shown.join(', ')
  return body.wrapper === undefined ? list : `${body.wrapper}: ${list}`
}

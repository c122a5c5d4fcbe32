// Routes by which roles are given and taken: users' and groups', on projects, domains and the system, inherited and not.
import type { Bench, Guard, Guards } from './bench.ts'
import type { Ids } from './route.ts'

export const grants: Guards = Object.fromEntries(
  ['users', 'groups'].flatMap((actors) => [
    ...['projects', 'domains'].flatMap((targets) => [
      ...four(`/${targets}/:target_id/${actors}/:actor_id/roles`, '', ''),
      ...four(`/OS-INHERIT/${targets}/:target_id/${actors}/:actor_id/roles`, '/inherited_to_projects', ''),
    ]),
    ...four(`/system/${actors}/:actor_id/roles`, '', actors),
  ]),
)

function four(path: string, end: string, system: string): [string, Guard][] {
  const rule = (verb: string, plain: string) =>
    system
      ? `identity:${verb}_system_grant${plain === 'grants' ? 's' : ''}_for_${system.replace(/s$/, '')}`
      : `identity:${verb}_${plain}`
  const given = async (bench: Bench): Promise<Ids | undefined> => {
    const ids = bench.ids.identity!
    const place = path.replace(/(\w+)\/:\w+/g, (_, segment: string) => `${segment}/${ids[segment]}`)
    await bench.ask('identity', 'PUT', `${place}/${ids.roles}${end}`)
    return undefined
  }
  const one = `${path}/:role_id${end}`
  return [
    [`GET ${path}${end}`, { rule: rule('list', 'grants'), before: given }],
    [`GET ${one}`, { rule: rule('check', 'grant'), before: given }],
    [`PUT ${one}`, { rule: rule('create', 'grant') }],
    [`DELETE ${one}`, { rule: rule('revoke', 'grant'), before: given }],
  ]
}

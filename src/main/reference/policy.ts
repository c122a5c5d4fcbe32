// The page of one service's rules, as they are built in.
import { type Declared, operationsOf } from '../declared.ts'
import { code, table } from './table.ts'

export function policyPage(service: string, declared: Declared): string {
  const { title, rules } = declared
  const rows = rules.map(({ name, check, scopeTypes, description, deprecated }) => [
    code(name),
    code(check || '@'),
    scopeTypes?.join(', ') ?? 'any',
    `${description}${wasCalled(deprecated?.name)}`,
    code(deprecated?.check ?? ''),
    operationsOf(declared, name).map(code).join('<br>'),
  ])
  return [
    `# ${title}: rules`,
    '',
    `${rows.length} rules. An operator's \`policy/${service}.yaml\` goes over them: see [../guide/policy.md](../guide/policy.md).`,
    "'Older' is what holds besides while `policy.enforce_new_defaults` is off. 'Calls' are those that the rule guards before",
    'anything is looked up; most rules are asked again, or only, on the object itself.',
    '',
    table(['Rule', 'Check', 'Scopes', 'For', 'Older', 'Calls'], rows),
    '',
  ].join('\n')
}

function wasCalled(name: string | undefined): string {
  return name === undefined ? '' : ` (once ${code(name)})`
}

// docs/reference, made from what services declare: nothing in it is written by hand.
import { declaredServices } from '../declared.ts'
import { agentSections, serviceSections } from '../section.ts'
import { cloudSection } from '../settings.ts'
import { apiPage } from './api.ts'
import { optionPage } from './option.ts'
import { policyPage } from './policy.ts'
import { table } from './table.ts'

/** By the names of its files. */
export async function referencePages(): Promise<Map<string, string>> {
  const pages = new Map<string, string>()
  const rows: string[][] = []
  for (const [service, load] of Object.entries(declaredServices)) {
    const declared = await load()
    pages.set(`api-${service}.md`, apiPage(service, declared))
    pages.set(`policy-${service}.md`, policyPage(service, declared))
    const { title, routes, rules } = declared
    rows.push([
      title,
      `[${routes.length} calls](api-${service}.md)`,
      `[${rules.length} rules](policy-${service}.md)`,
    ])
  }
  pages.set('options.md', optionPage([cloudSection, ...serviceSections, ...agentSections]))
  pages.set('README.md', index(rows))
  return pages
}

/** What kit/http itself answers, whatever the service. */
const codes: readonly (readonly [code: string, when: string])[] = [
  ['400', 'The body is no JSON, or does not fit its schema; a header or a query that cannot be read'],
  ['401', 'No token, or none that is good'],
  [
    '403',
    "A rule refuses: the answer names it, and `nimbo policy why` with the request's id tells on what grounds",
  ],
  ['404', 'There is no such call, no such thing, or the caller may not know of it'],
  ['405', 'There is no such method on this path'],
  ['406', 'The service does not speak the microversion asked for'],
  ['409', 'It is there already, or in a state that does not allow it'],
  ['413', 'The body is larger than `api.body_limit`'],
  ['415', 'The media type is not the one that the call takes'],
  [
    '429',
    'More requests than `api.project_rate` or `api.address_rate` let through; Retry-After says when to come again',
  ],
  ['500', 'A mistake of ours: the log has it under the request id'],
]

function index(rows: readonly (readonly string[])[]): string {
  return [
    '# Reference',
    '',
    'Made by `npm run docs` from what the services declare; a test fails when it is stale. Guides are in [../guide](../guide).',
    '',
    table(['Service', 'API', 'Policy'], rows),
    '',
    'All options of `nimbo.yaml` are in [options.md](options.md).',
    '',
    '## How to read the API',
    '',
    "A call's rule is asked before anything is looked up. 'On the object' means that any good token comes so far, and the rules are",
    "asked of what the call is about. A question mark is behind members of a body that may be left out. 'Answer' is the status of",
    'success where the call declares one; otherwise 200 with a body and 204 without, or what OpenStack says of the call, such as 201 for',
    'what is made. Every answer has `X-Openstack-Request-Id`.',
    '',
    '## What every call may answer',
    '',
    table(['Status', 'When'], codes),
    '',
  ].join('\n')
}

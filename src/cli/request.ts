// `nimbo policy why REQUEST-ID`: how one request was decided, as the journal kept it.
import { paint, type Terminal } from './terminal.ts'

export type DecidedRequest = {
  id: string
  at: string
  service: string
  call: string
  status?: number
  error?: string
  user_id?: string
  project_id?: string
  roles?: readonly string[]
  address?: string
  policy: readonly { rule: string; allowed: boolean; because: string; check?: string; from?: string }[]
}

/** The rule that ended a refused request; undefined where none did. */
function refusingRule(request: DecidedRequest): DecidedRequest['policy'][number] | undefined {
  const refused = request.status === 403 || request.status === 404
  return refused ? request.policy.findLast(({ allowed }) => !allowed) : undefined
}

export function formatRequest(request: DecidedRequest, terminal: Pick<Terminal, 'colors'>): string[] {
  const { status = 0, user_id, project_id, roles, address } = request
  const outcome = `${status}${request.error === undefined ? '' : `: ${request.error}`}`
  const lines = [
    `${paint(terminal, 'bold', request.call)} of ${request.service}, ${request.at}`,
    `answered  ${paint(terminal, status < 400 ? 'green' : 'red', outcome)}`,
    `asked by  ${user_id === undefined ? 'nobody known' : `user ${user_id}`}${
      project_id === undefined ? '' : ` in project ${project_id}`
    }${address === undefined ? '' : `, from ${address}`}`,
    ...(roles ? [`roles     ${roles.join(', ') || 'none'}`] : []),
    '',
  ]
  const ended = refusingRule(request)
  if (ended) {
    const where = ended.from === 'built in' || ended.from === undefined ? 'built in' : ended.from
    lines.push(
      `refused by the rule ${paint(terminal, 'red', ended.rule)} (${where})`,
      `  its check  ${ended.check ?? ''}`,
      '  failed at',
      ...ended.because.split('; ').map((part) => `    ${part}`),
    )
  } else lines.push(verdict(request))
  const others = request.policy.filter((each) => each !== ended)
  if (others.length > 0) lines.push('', ended ? 'asked besides:' : 'asked:')
  for (const { rule, allowed, because } of others)
    lines.push(
      `  ${paint(terminal, allowed ? 'green' : 'yellow', allowed ? 'yes' : 'no ')}  ${rule}  by ${because}`,
    )
  return lines
}

function verdict({ status = 0, policy }: DecidedRequest): string {
  if (status === 401) return 'No rule was asked: who asked was not known.'
  if (policy.length === 0) return 'No rule was asked.'
  return status < 400
    ? 'Every rule that counted let it pass.'
    : 'No rule refused it: what it was answered has other reasons.'
}

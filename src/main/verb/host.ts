// `nimbo host`: the machines of this cloud.
import {
  disableHost,
  enableHost,
  formatHost,
  formatHosts,
  type HostState,
  listHosts,
  removeHost,
  showHost,
} from '#cli/host.ts'
import type { Session } from '#cli/openstack.ts'
import { type Invocation, usageError, type Verb } from '../verb.ts'
import { asAdmin } from './admin.ts'

type Work = (session: Session, name: string, invocation: Invocation) => Promise<HostState | string>

const works: Record<string, Work> = {
  show: (session, name) => showHost(session, name),
  disable: (session, name, { options }) => disableHost(session, name, options.reason as string | undefined),
  enable: (session, name) => enableHost(session, name),
  async remove(session, name, { options }) {
    const { status } = await removeHost(session, name, options.force === true)
    if (status === 'removed') return `${name} belongs to this cloud no longer.`
    return `${name} is out of the cloud. Its servers are in ERROR; when they are deleted, its last traces go.`
  },
}

export const host: Verb = {
  summary: 'The hosts of the cloud: list, show, disable, enable, remove',
  words: 'list|show|disable|enable|remove [NAME]',
  options: {
    reason: { type: 'string', value: 'TEXT', help: 'With disable: why, for others to read' },
    force: { type: 'boolean', help: 'With remove: also while it has servers; they turn to ERROR' },
    json: { type: 'boolean', help: 'For programs' },
  },
  async run(invocation) {
    const { terminal, options, words } = invocation
    const [what = '', name, ...more] = words
    if (what === 'list' && name === undefined) {
      const hosts = await asAdmin(invocation, listHosts)
      if (options.json) terminal.print(JSON.stringify({ hosts }, null, 2))
      else for (const line of formatHosts(hosts, terminal)) terminal.print(line)
      return 0
    }
    const work = Object.hasOwn(works, what) ? works[what] : undefined
    if (!work || name === undefined || more.length > 0)
      throw usageError("Say 'nimbo host list' or 'nimbo host show|disable|enable|remove NAME'.")
    const result = await asAdmin(invocation, (session) => work(session, name, invocation))
    if (typeof result === 'string') terminal.print(result)
    else if (options.json) terminal.print(JSON.stringify({ host: result }, null, 2))
    else for (const line of formatHost(result)) terminal.print(line)
    return 0
  },
}

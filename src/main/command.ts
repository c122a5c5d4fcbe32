// What a line of the command line does: its verb is found, loaded and invoked, and what is refused is said to whoever asked.
import type { Terminal } from '#cli/terminal.ts'
import { CloudError, fullMessage } from '#kit/errors/cloud-error.ts'
import { helpText, type Invocation, invoke, type Verb } from './verb.ts'

/** Loaded one by one: a role or a short question needn't wait for the rest. */
const verbs: Record<string, () => Promise<Verb>> = {
  up: async () => (await import('./verb/up.ts')).up,
  down: async () => (await import('./verb/down.ts')).down,
  destroy: async () => (await import('./verb/destroy.ts')).destroy,
  status: async () => (await import('./verb/status.ts')).status,
  logs: async () => (await import('./verb/logs.ts')).logs,
  mq: async () => (await import('./verb/mq.ts')).mq,
  token: async () => (await import('./verb/token.ts')).token,
  keys: async () => (await import('./verb/keys.ts')).keys,
  join: async () => (await import('./verb/join.ts')).join,
  host: async () => (await import('./verb/host.ts')).host,
  'haproxy-config': async () => (await import('./verb/haproxy-config.ts')).haproxyConfigVerb,
  fault: async () => (await import('./verb/fault.ts')).fault,
  snapshot: async () => (await import('./verb/snapshot.ts')).snapshot,
  trace: async () => (await import('./verb/trace.ts')).trace,
  policy: async () => (await import('./verb/policy.ts')).policy,
  audit: async () => (await import('./verb/audit.ts')).audit,
  doctor: async () => (await import('./verb/doctor.ts')).doctor,
  image: async () => (await import('./verb/image.ts')).image,
  'install-units': async () => (await import('./verb/install-units.ts')).installUnitsVerb,
  test: async () => (await import('./verb/test.ts')).test,
  version: async () => (await import('./verb/version.ts')).version,
}

/** Processes of a cloud; `up` and systemd start them, people needn't. */
const roleVerbs: Record<string, () => Promise<Verb>> = {
  cloud: async () => (await import('./verb/role.ts')).roleVerb('cloud'),
  controller: async () => (await import('./verb/role.ts')).roleVerb('controller'),
  agent: async () => (await import('./verb/role.ts')).roleVerb('agent'),
  broker: async () => (await import('./verb/broker.ts')).brokerVerb,
}

async function help(terminal: Terminal, name?: string): Promise<number> {
  const role = name === undefined ? undefined : roleVerbs[name]
  const known = name !== undefined && role ? { ...verbs, [name]: role } : verbs
  const loaded = await Promise.all(
    Object.entries(known).map(async ([key, load]) => [key, await load()] as const),
  )
  for (const line of helpText(Object.fromEntries(loaded), name)) terminal.print(line)
  return 0
}

/** Returns the exit code. Throws what is a bug. */
export async function runCommand(
  [name = 'help', ...args]: readonly string[],
  given: Pick<Invocation, 'world' | 'terminal' | 'program'>,
): Promise<number> {
  const { terminal } = given
  if (name === 'help' || name === '--help' || name === '-h') return help(terminal, args[0])
  const load = verbs[name === '--version' ? 'version' : name] ?? roleVerbs[name]
  if (!load) {
    terminal.say(`nimbo: there is no verb '${name}'; 'nimbo help' lists them.`)
    return 2
  }
  try {
    const verb = await load()
    if (!verb.raw && (args.includes('--help') || args.includes('-h'))) return await help(terminal, name)
    return await invoke(verb, args, given)
  } catch (error) {
    if (!(error instanceof CloudError)) throw error
    terminal.say(`nimbo: ${fullMessage(error)}`)
    return error.type === 'Usage' ? 2 : 1
  }
}

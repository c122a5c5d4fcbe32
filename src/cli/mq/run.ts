// Runs one command line of `nimbo mq`: finds the verb, checks its words, opens the API and writes the answer.
import { CloudError, fullMessage } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import type { Terminal } from '../terminal.ts'
import type { Api } from './api.ts'
import { exitCode, exitOf, isUsage, mqError } from './exit.ts'
import { near, overview, usageOf, verbHelp } from './help.ts'
import { format } from './output.ts'
import type { MqVerb } from './verb.ts'
import { judge, styleOf, takeApart, type Words } from './words.ts'

export type MqProgram = {
  world: World
  terminal: Terminal
  verbs: Readonly<Record<string, MqVerb>>
  /** The broker that the options name; `timeoutMs` is for each request. */
  open(options: Words['options'], timeoutMs: number | undefined): Promise<Api>
}

export async function runMq(program: MqProgram, args: readonly string[]): Promise<number> {
  const { terminal, verbs } = program
  const given = takeApart(args, verbs)
  const asked = given.verb === 'help' ? given.words[0] : given.verb
  const helping = given.verb === 'help' || given.options.help === true
  if (asked === undefined) {
    for (const line of overview(verbs)) terminal.print(line)
    return helping ? 0 : exitCode.usage
  }
  const verb = Object.hasOwn(verbs, asked) ? verbs[asked] : undefined
  if (!verb) {
    terminal.say(`Command '${asked}' not found.`)
    const found = near(asked, Object.keys(verbs))
    if (found.length > 0) terminal.say(`Did you mean ${found.map((name) => `'${name}'`).join(' or ')}?`)
    else for (const line of ['', ...overview(verbs)]) terminal.say(line)
    return exitCode.usage
  }
  if (helping) {
    for (const line of verbHelp(asked, verb)) terminal.print(line)
    return 0
  }
  try {
    return await perform(program, asked, verb, given)
  } catch (error) {
    if (!(error instanceof CloudError)) throw error
    return tell(terminal, error, usageOf(asked, verb))
  }
}

async function perform(program: MqProgram, name: string, verb: MqVerb, given: Words): Promise<number> {
  const { world, terminal } = program
  const { words, options } = given
  judge(name, verb, given)
  const style = styleOf(options)
  const seconds = options.timeout === undefined ? undefined : Number(options.timeout)
  // A verb's own option of the same name, such as --user, isn't about which broker.
  const general = Object.entries(options).filter(([option]) => !verb.options?.[option])
  const api = await program.open(Object.fromEntries(general), seconds ? seconds * 1000 : undefined)
  if (options.node !== undefined) await requireNode(api, String(options.node))
  const info = (line: string) => {
    if (style.talks) terminal.print(line)
  }
  const vhost = (options.vhost as string | undefined) ?? '/'
  const answer = await verb.run({ api, world, terminal, words, options, vhost, info })
  if (answer) for (const line of format(answer, style.formatter, style.headers)) terminal.print(line)
  return 0
}

/** -n chooses a node by Erlang's means, which we haven't; at least it doesn't act on another one. */
async function requireNode(api: Api, name: string): Promise<void> {
  const nodes = await api.get<{ name: string }[]>('nodes', { columns: 'name' })
  if (nodes.some((node) => node.name === name || node.name.split('@')[0] === name)) return
  throw mqError(
    'unavailable',
    `unable to perform an operation on node '${name}': at ${api.login.url} there is ${nodes.map((node) => node.name).join(', ')}`,
  )
}

function tell(terminal: Terminal, error: CloudError, usage: string): number {
  if (isUsage(error)) {
    for (const line of [`Error: ${error.message}`, '', 'Usage', '', usage]) terminal.say(line)
  } else {
    terminal.say('Error:')
    for (const line of fullMessage(error).split('\n')) terminal.say(line)
  }
  return exitOf(error)
}

// `nimbo policy`: checks policy files before or while they are in force, lists rules, and tells how a request was decided.
import { type DecidedRequest, formatRequest } from '#cli/request.ts'
import { columns, paint } from '#cli/terminal.ts'
import { nearest } from '#kit/config/nearest.ts'
import { withDefaults } from '#kit/config/section.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { openPolicy, type Policy, type RuleInForce } from '#kit/policy/engine.ts'
import type { PolicyText } from '#kit/policy/file.ts'
import { publicOrigin } from '../api.ts'
import { type PolicyConfig, policySection } from '../api-settings.ts'
import { dataFolder, readCloud } from '../data-folder.ts'
import { type Declared, declaredServices, operationsOf } from '../declared.ts'
import { policyFilesOf, policyFolder, readPolicyTexts } from '../policy-file.ts'
import { cloudConfig } from '../section.ts'
import { absolute, type Invocation, usageError, type Verb } from '../verb.ts'
import { asAdmin } from './admin.ts'

const usage =
  "Say 'nimbo policy check [FILE]', 'nimbo policy list [SERVICE [RULE]]' or 'nimbo policy why REQUEST-ID'."

export const policy: Verb = {
  summary: 'Who may do what: check policy files, list rules, tell why a request was refused',
  words: 'check|list|why [FILE|SERVICE [RULE]|REQUEST-ID]',
  options: {
    service: {
      type: 'string',
      value: 'SERVICE',
      help: 'With check: whose file it is, where its name does not say it',
    },
    json: { type: 'boolean', help: 'For programs' },
  },
  async run(invocation) {
    const [what = '', ...words] = invocation.words
    const work = Object.hasOwn(works, what) ? works[what] : undefined
    if (!work) throw usageError(usage)
    return work(invocation, words)
  },
}

const works: Record<string, (invocation: Invocation, words: readonly string[]) => Promise<number>> = {
  check: (invocation, words) => {
    if (words.length > 1) throw usageError(usage)
    return words[0] === undefined ? checkFolder(invocation) : checkFile(invocation, words[0])
  },
  list: async (invocation, words) => {
    if (words.length > 2) throw usageError(usage)
    const { world, terminal, options } = invocation
    const [service, rule] = words
    const { config, folder } = await placeOf(invocation)
    const found: (RuleInForce & { service: string; declared_: Declared })[] = []
    for (const name of service === undefined ? Object.keys(declaredServices) : [known(service)]) {
      const declared = await declaredServices[name]!()
      const texts = await readPolicyTexts(world.files, folder, name)
      const inForce = openPolicy({ ...config, rules: declared.rules, texts }).inForce()
      found.push(...inForce.map((each) => ({ ...each, service: name, declared_: declared })))
    }
    const shown = rule === undefined ? found : found.filter(({ name }) => name === rule)
    if (rule !== undefined && shown.length === 0) throw noSuchRule(rule, found)
    const rows = shown.map(({ service, name, check, from, declared, declared_ }) => ({
      service,
      rule: name,
      check,
      scopes: declared?.scopeTypes ?? [],
      from,
      description: declared?.description ?? '',
      operations: operationsOf(declared_, name),
    }))
    if (options.json) terminal.print(JSON.stringify({ rules: rows }, null, 2))
    else if (rule !== undefined)
      for (const row of rows) for (const line of describe(row)) terminal.print(line)
    else {
      const cells = rows.map((row) => [row.rule, row.check || '@', row.scopes.join(' ') || 'any', row.from])
      const [heading, ...lines] = columns([['RULE', 'CHECK', 'SCOPES', 'FROM'], ...cells])
      terminal.print(paint(terminal, 'bold', heading!))
      for (const line of lines) terminal.print(line)
    }
    return 0
  },
  why: (invocation, words) => {
    const [id, ...more] = words
    if (id === undefined || more.length > 0) throw usageError(usage)
    const { terminal, options } = invocation
    return asAdmin(invocation, async (session, cloud) => {
      const url = `${publicOrigin(cloud, 'journal')}/v1/requests/${encodeURIComponent(id)}`
      const { request } = await session.call<{ request: DecidedRequest }>('journal', { path: url })
      if (options.json) terminal.print(JSON.stringify(request, null, 2))
      else for (const line of formatRequest(request, terminal)) terminal.print(line)
      return 0
    })
  },
}

type Row = {
  rule: string
  check: string
  scopes: readonly string[]
  from: string
  description: string
  operations: string[]
}

function describe(row: Row): string[] {
  return [
    `rule        ${row.rule}`,
    `for         ${row.description || 'a file alone has it'}`,
    `check       ${row.check || '@'}`,
    `scopes      ${row.scopes.join(', ') || 'any'}`,
    `from        ${row.from}`,
    ...row.operations.map((operation, at) => `${at === 0 ? 'operations' : '          '}  ${operation}`),
  ]
}

/** Exit code 1 where a file would be refused. What is doubtful is told and no failure. */
async function checkFolder(invocation: Invocation): Promise<number> {
  const { world, terminal } = invocation
  const { config, folder } = await placeOf(invocation)
  let files = 0
  let failed = false
  for (const service of Object.keys(declaredServices)) {
    const names = await policyFilesOf(world.files, folder, service)
    if (names.length === 0) continue
    files += names.length
    const texts = await readPolicyTexts(world.files, folder, service)
    if (!(await judge(invocation, service, { config, texts, label: names.join(', ') }))) failed = true
  }
  const foreign = await foreignFiles(invocation, folder)
  for (const line of foreign) terminal.print(paint(terminal, 'yellow', line))
  if (files === 0) terminal.print(`${folder} holds no policy files: every rule is as built in.`)
  return failed ? 1 : 0
}

async function checkFile(invocation: Invocation, file: string): Promise<number> {
  const { world, options } = invocation
  const path = absolute(file, world.env.PWD ?? '/')
  const { config } = await placeOf(invocation)
  const service = known((options.service as string | undefined) ?? serviceOf(path))
  if (!(await world.files.exists(path))) throw new CloudError('notFound', `There is no file ${path}.`)
  const texts = [{ file, text: await world.files.readText(path) }]
  return (await judge(invocation, service, { config, texts, label: file })) ? 0 : 1
}

/** 'compute' of '/etc/nimbo/policy/compute.yaml', and of '/etc/nimbo/policy/compute.d/10-audit.yaml'. */
function serviceOf(path: string): string {
  const parts = path.split('/')
  const folder = parts.at(-2) ?? ''
  return folder.endsWith('.d') ? folder.slice(0, -2) : (parts.at(-1) ?? '').replace(/\.\w+$/, '')
}

type Judged = { config: PolicyConfig; texts: PolicyText[]; label: string }

async function judge(
  { terminal }: Invocation,
  service: string,
  { config, texts, label }: Judged,
): Promise<boolean> {
  const { rules } = await declaredServices[service]!()
  let opened: Policy
  try {
    opened = openPolicy({ ...config, rules, texts })
  } catch (error) {
    if (!(error instanceof CloudError)) throw error
    for (const line of error.message.split('\n')) terminal.print(paint(terminal, 'red', line))
    terminal.print(paint(terminal, 'red', `${label}: refused as ${service}'s policy`))
    return false
  }
  for (const problem of opened.problems) terminal.print(paint(terminal, 'yellow', problem))
  const defaults = openPolicy({ ...config, rules }).inForce()
  const builtIn = new Map(defaults.map(({ name, check }) => [name, check]))
  const own = opened.inForce().filter(({ from }) => from !== 'built in')
  for (const { name, check, from } of own)
    if (builtIn.get(name) === check) terminal.print(`${from}: ${name} says what is built in anyway`)
  const doubts = opened.problems.length
  const count = `${own.length} rule${own.length === 1 ? '' : 's'}`
  terminal.print(`${label}: ${count} for ${service}${doubts > 0 ? `, ${doubts} doubtful` : ', in order'}`)
  return true
}

/** What lies in the folder and is nobody's. */
async function foreignFiles({ world }: Invocation, folder: string): Promise<string[]> {
  if (!(await world.files.exists(folder))) return []
  const names = (await world.files.list(folder)).sort()
  return names.flatMap((name) => {
    const service = name.replace(/\.(yaml|d)$/, '')
    if (service !== name && Object.hasOwn(declaredServices, service)) return []
    return [
      `${folder}/${name}: not read: a policy file is called SERVICE.yaml or lies in SERVICE.d${hint(service)}`,
    ]
  })
}

const projects: Record<string, string> = {
  keystone: 'identity',
  glance: 'image',
  nova: 'compute',
  neutron: 'network',
  cinder: 'volume',
}

function hint(service: string): string {
  const meant = projects[service] ?? nearest(service, Object.keys(declaredServices))
  return meant === undefined ? '' : `; did you mean ${meant}?`
}

function known(service: string): string {
  if (Object.hasOwn(declaredServices, service)) return service
  const names = Object.keys(declaredServices).join(', ')
  throw usageError(`There is no service '${service}'${hint(service)} Services with rules: ${names}.`)
}

function noSuchRule(rule: string, found: readonly RuleInForce[]): CloudError {
  const meant = nearest(
    rule,
    found.map(({ name }) => name),
  )
  return new CloudError(
    'notFound',
    `There is no rule ${rule}${meant === undefined ? '.' : `; did you mean ${meant}?`}`,
  )
}

/** Of the cloud in the data folder; without one, as a new one would have it. */
async function placeOf({ world, root }: Invocation): Promise<{ config: PolicyConfig; folder: string }> {
  const folder = dataFolder(root)
  if (!(await world.files.exists(folder.marker))) {
    const config = withDefaults(policySection)
    return { config, folder: policyFolder({ folder }, config) }
  }
  const cloud = await readCloud(world, root)
  const { policy: config } = cloudConfig(world, cloud)
  return { config, folder: policyFolder(cloud, config) }
}

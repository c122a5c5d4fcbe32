// Runs somebody else's client suite against our broker, or against Debian's RabbitMQ, and prints what it counted beside
// what is recorded for RabbitMQ 3.10:  node test/suite/run.ts [--rabbitmq] [--verbose] SUITE=FOLDER ...
// Each runs in a network namespace of its own, where the broker has its usual ports. See README.md.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type RunningBroker, startNimbo, startRabbit } from './broker.ts'
import { makeCertificates } from './certificate.ts'
import { type Outcome, readOutcome } from './outcome.ts'
import { type Count, type Setting, type Suite, suites } from './suite.ts'

const { values: options, positionals } = parseArgs({
  options: {
    rabbitmq: { type: 'boolean' },
    verbose: { type: 'boolean' },
    inside: { type: 'boolean' },
  },
  allowPositionals: true,
})

function suiteOf(word: string): { name: string; suite: Suite; folder: string } {
  const [name = '', folder] = word.split('=')
  const suite = (suites as Record<string, Suite>)[name]
  if (!suite || !folder)
    throw new Error(`expected SUITE=FOLDER, got '${word}'; suites: ${Object.keys(suites).join(', ')}`)
  return { name, suite, folder: resolve(folder) }
}

/** Root keeps its rights; others are root in a user namespace of their own. */
async function inNamespace(word: string): Promise<number> {
  const flags = ['--net', '--mount', ...(process.getuid?.() === 0 ? [] : ['--map-root-user'])]
  const own = process.argv.slice(2).filter((each) => each.startsWith('--'))
  const child = spawn(
    'unshare',
    [...flags, process.execPath, import.meta.filename, '--inside', ...own, word],
    {
      stdio: 'inherit',
    },
  )
  return new Promise((end) => child.once('exit', (code) => end(code ?? 1)))
}

async function inside(word: string): Promise<number> {
  const { name, suite, folder } = suiteOf(word)
  const scratch = mkdtempSync(join(tmpdir(), 'nimbo-suite-'))
  await finished(spawn('ip', ['link', 'set', 'lo', 'up'], { stdio: 'inherit' }))
  let broker: RunningBroker | undefined
  try {
    const certificates = await makeCertificates(scratch)
    // This namespace has mounts of its own: nothing of the checkout changes.
    if (suite.certificates)
      await finished(spawn('mount', ['--bind', certificates.folder, join(folder, suite.certificates)]))
    broker = await (options.rabbitmq ? startRabbit : startNimbo)(scratch, certificates)
    for (const setting of suite.settings ?? []) await put(setting)
    const { outcome, code } = await runSuite(suite, folder, scratch, broker.rabbitmqctl)
    const healthy = broker.running()
    report(name, suite, outcome)
    if (!healthy) console.log(`THE BROKER DID NOT OUTLIVE THE SUITE; it said:\n${broker.said()}`)
    return code === 0 && healthy ? 0 : 1
  } finally {
    await broker?.stop()
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** To the management API, which may need a moment longer than the port for AMQP. */
async function put({ path, body }: Setting): Promise<void> {
  const response = await fetch(`http://127.0.0.1:15672/api/${path}`, {
    method: 'PUT',
    headers: { authorization: `Basic ${btoa('guest:guest')}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`PUT ${path}: ${response.status} ${await response.text()}`)
}

async function runSuite(suite: Suite, folder: string, scratch: string, rabbitmqctl: string) {
  const file = join(scratch, 'report')
  const [command = '', ...args] = suite.command.map((word) => word.replace('{report}', file))
  const own = Object.entries(suite.environment ?? {}).map(([name, value]) => [
    name,
    value.replace('{rabbitmqctl}', rabbitmqctl),
  ])
  const environment = { ...process.env, TMPDIR: scratch, ...Object.fromEntries(own) }
  const child = spawn(command, args, { cwd: folder, env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (options.verbose) process.stderr.write(text)
    })
  const code = await finished(child)
  try {
    return {
      outcome: readOutcome(suite.results, suite.results === 'go' ? said : readFileSync(file, 'utf8')),
      code,
    }
  } catch (error) {
    throw new Error(`the suite left no results; it said:\n${said.slice(-4000)}`, { cause: error })
  }
}

function finished(child: ReturnType<typeof spawn>): Promise<number> {
  return new Promise((end, fail) => {
    child.once('error', fail)
    child.once('close', (code) => end(code ?? 1))
  })
}

function report(name: string, suite: Suite, outcome: Outcome): void {
  const on = options.rabbitmq ? 'RabbitMQ' : 'Nimbo'
  for (const { test, why } of outcome.failures)
    console.log(`FAILED ${test}\n    ${why.replaceAll('\n', '\n    ')}`)
  const line = ({ passed, failed, skipped }: Count) =>
    `${passed} passed, ${failed} failed, ${skipped} skipped`
  console.log(`${name} ${suite.version} on ${on}: ${line(outcome)}`)
  console.log(`${' '.repeat(name.length)} recorded for RabbitMQ 3.10: ${line(suite.reference)}`)
  if (suite.remark) console.log(`${' '.repeat(name.length)} (${suite.remark})`)
}

if (positionals.length === 0) throw new Error('expected SUITE=FOLDER ...')
let failed = 0
for (const word of positionals) failed |= await (options.inside ? inside : inNamespace)(word)
process.exitCode = failed

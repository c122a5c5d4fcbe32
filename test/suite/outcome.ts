// What a suite's results say: JUnit's XML, `go test -v`, or RSpec's JSON.
import { XMLParser } from 'fast-xml-parser'
import type { Count, Suite } from './suite.ts'

export type Outcome = Count & { failures: { test: string; why: string }[] }

export function readOutcome(results: Suite['results'], text: string): Outcome {
  const outcome: Outcome = { passed: 0, failed: 0, skipped: 0, failures: [] }
  const read = { junit: readJunit, go: readGo, rspec: readRspec }[results]
  for (const { test, state, why = '' } of read(text)) {
    outcome[state]++
    if (state === 'failed') outcome.failures.push({ test, why: shorten(why.trim()) })
  }
  return outcome
}

/** Some tell the reason first, some last. */
function shorten(text: string): string {
  return text.length < 1000 ? text : `${text.slice(0, 600)}\n...\n${text.slice(-400)}`
}

type Result = { test: string; state: keyof Count; why?: string }

function readJunit(text: string): Result[] {
  const parser = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '', preserveOrder: true })
  const found: Result[] = []
  const walk = (nodes: XmlNode[]) => {
    for (const node of nodes) {
      if (node.testcase) found.push(junitCase(node))
      for (const name of ['testsuites', 'testsuite'] as const) if (node[name]) walk(node[name])
    }
  }
  walk(parser.parse(text) as XmlNode[])
  return found
}

type XmlNode = {
  ':@'?: Record<string, string>
  '#text'?: string
  testsuites?: XmlNode[]
  testsuite?: XmlNode[]
  testcase?: XmlNode[]
  failure?: XmlNode[]
  error?: XmlNode[]
  skipped?: XmlNode[]
}

function junitCase(node: XmlNode): Result {
  const { classname, name } = node[':@'] ?? {}
  const test = [classname, name].filter((each) => each && each !== 'test').join(' ')
  const children = node.testcase ?? []
  const bad = children.find((child) => child.failure ?? child.error)
  if (bad) {
    const text = (bad.failure ?? bad.error ?? []).map((each) => each['#text'] ?? '').join('')
    return { test, state: 'failed', why: `${bad[':@']?.message ?? ''}\n${text}` }
  }
  return { test, state: children.some((child) => child.skipped) ? 'skipped' : 'passed' }
}

/** Tests and examples, their parts not counted. A test that never ended is in no line of its own. */
function readGo(text: string): Result[] {
  const states = { PASS: 'passed', FAIL: 'failed', SKIP: 'skipped' } as const
  const lines = text.split('\n')
  const ended = new Set<string>()
  const started: string[] = []
  const found: Result[] = []
  let said: string[] = []
  for (const line of lines) {
    const start = /^=== RUN {3}(\S+)$/.exec(line)
    if (start && !start[1]!.includes('/')) {
      started.push(start[1]!)
      said = []
    }
    const end = /^--- (PASS|FAIL|SKIP): (\S+)/.exec(line)
    if (end) {
      ended.add(end[2]!)
      found.push({ test: end[2]!, state: states[end[1] as keyof typeof states], why: said.join('\n') })
    } else said.push(line)
  }
  for (const test of started)
    if (!ended.has(test)) found.push({ test, state: 'failed', why: `did not end\n${said.join('\n')}` })
  return found
}

function readRspec(text: string): Result[] {
  const { examples } = JSON.parse(text) as {
    examples: { full_description: string; status: string; exception?: { class: string; message: string } }[]
  }
  return examples.map(({ full_description, status, exception }) => ({
    test: full_description,
    state: status === 'passed' ? 'passed' : status === 'pending' ? 'skipped' : 'failed',
    why: exception && `${exception.class}: ${exception.message}`,
  }))
}

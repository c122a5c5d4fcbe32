// Which file may import which, as ARCHITECTURE.md's table says, and where each library is at home.
import { posix } from 'node:path'
import { type Import, importsOf, isTest, type Source } from './source.ts'

/** `*` is one name, `**` any path; `{kind}` and `{name}` are what stood there in the importing file's own path. */
type Row = { files: string; may: readonly string[] }

const below = ['src/kit/**', 'src/contracts/**']

/** The first row that covers a file is its own. */
const rows: readonly Row[] = [
  { files: 'src/kit/**', may: ['src/kit/**'] },
  { files: 'src/broker/**', may: ['src/kit/**', 'src/broker/**'] },
  // Types and schemas only: the words in which they are written, and no behaviour.
  {
    files: 'src/contracts/**',
    may: ['src/contracts/**', 'src/kit/bus/contract.ts', 'src/kit/journal/journal.ts', 'src/kit/net/*'],
  },
  { files: 'src/drivers/{kind}/load.ts', may: [...below, 'src/drivers/{kind}/**'] },
  { files: 'src/drivers/{kind}/*.ts', may: [...below, 'src/drivers/{kind}/*.ts'] },
  {
    files: 'src/drivers/{kind}/{name}/**',
    may: [...below, 'src/drivers/{kind}/driver.ts', 'src/drivers/{kind}/{name}/**'],
  },
  { files: 'src/agents/{name}/**', may: [...below, 'src/drivers/*/load.ts', 'src/agents/{name}/**'] },
  {
    files: 'src/services/{name}/**',
    may: [...below, 'src/drivers/*/load.ts', 'src/services/*/client.ts', 'src/services/{name}/**'],
  },
  {
    files: 'src/cli/**',
    // The World brings the terminal its clock and files.
    may: [
      'src/cli/**',
      'src/kit/http/client.ts',
      'src/kit/config/*',
      'src/kit/errors/*',
      'src/kit/world/world.ts',
    ],
  },
  // Runs in browsers: what it needs it brings along.
  { files: 'src/dashboard/**', may: ['src/dashboard/**'] },
  { files: 'src/main/**', may: ['src/**'] },
]

/** What a test may import besides: shared test rooms, the kit, and the doors of drivers with the suite they must pass. */
const testsMay = ['test/**', 'src/kit/**', 'src/drivers/*/conformance.ts', 'src/drivers/*/load.ts']

/** Each library with the only places that may import it. */
const homes: Record<string, readonly string[]> = {
  fastify: ['src/kit/http/**'],
  'fast-xml-parser': ['src/kit/xml/**'],
  kysely: ['src/kit/db/**'],
  mysql2: ['src/kit/db/**'],
  pg: ['src/kit/db/**'],
  pino: ['src/kit/log/**'],
  rolldown: ['src/main/bundle/**'],
  typebox: ['src/kit/**', 'src/contracts/**', 'src/services/**', 'src/agents/**', 'src/drivers/**'],
  ws: ['src/kit/ws/**', 'src/kit/http/**'],
  yaml: ['src/kit/yaml/**'],
}
/** In any test, and in what tests are made of. */
const testLibraries = [
  'vitest',
  'fast-check',
  'amqplib',
  '@cloudamqp/amqp-client',
  'playwright-core',
  'typebox',
  'fast-xml-parser',
]
const madeForTests = ['src/drivers/*/conformance.ts', 'src/kit/task/proof.ts', 'src/main/verb/test.ts']

export function checkLayers(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    const row = rowOf(source.path)
    if (!row) return [`${source.path}: no row of the layers' table covers this file`]
    return importsOf(source).flatMap((each) => {
      const problem = judge(source.path, each, row.may)
      return problem ? [`${source.path}:${each.line}: ${problem}`] : []
    })
  })
}

function judge(path: string, { to }: Import, may: readonly string[]): string | undefined {
  if (to.startsWith('node:')) return undefined
  const file = resolveImport(path, to)
  if (!file) {
    const library = libraryOf(to)
    const test = isTest(path) || madeForTests.some((pattern) => matches(path, pattern))
    if (test && testLibraries.includes(library)) return undefined
    const home = homes[library]
    if (!home) return `${library} has no home in the table of libraries`
    return home.some((pattern) => matches(path, pattern))
      ? undefined
      : `${library} is at home in ${home.join(', ')}`
  }
  const allowed = isTest(path) ? [...may, ...testsMay] : may
  if (allowed.some((pattern) => matches(file, pattern))) return undefined
  return `may not import ${file}; its layer may import ${may.join(', ')}`
}

/** Each runtime cycle once, as a path that ends where it began. */
export function findCycles(sources: readonly Source[]): string[] {
  const edges = new Map<string, string[]>()
  for (const source of sources) {
    const to = importsOf(source)
      .filter((each) => !each.typeOnly)
      .flatMap((each) => resolveImport(source.path, each.to) ?? [])
    edges.set(source.path, to)
  }
  const cycles: string[] = []
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]) => {
    const start = trail.indexOf(path)
    if (start >= 0) {
      cycles.push([...trail.slice(start), path].join(' -> '))
      return
    }
    if (done.has(path)) return
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  for (const path of edges.keys()) visit(path, [])
  return cycles
}

/** The row with its placeholders filled in from the path. */
function rowOf(path: string): Row | undefined {
  for (const { files, may } of rows) {
    const match = toPattern(files).exec(path)
    if (!match) continue
    const fill = (pattern: string) =>
      pattern.replace(/\{(\w+)\}/g, (_, word: string) => match.groups?.[word] ?? `{${word}}`)
    return { files, may: may.map(fill) }
  }
  return undefined
}

function matches(path: string, pattern: string): boolean {
  return toPattern(pattern).test(path)
}

function toPattern(pattern: string): RegExp {
  const source = pattern
    .replace(/[.]/g, '\\.')
    .replace(/\*\*|\*|\{(\w+)\}/g, (mark, word) =>
      mark === '**' ? '.+' : mark === '*' ? '[^/]+' : `(?<${word}>[^/]+)`,
    )
  return new RegExp(`^${source}$`)
}

/** The file's path, or undefined where it is a library. */
function resolveImport(from: string, to: string): string | undefined {
  if (to.startsWith('#test/')) return to.slice(1)
  if (to.startsWith('#')) return `src/${to.slice(1)}`
  return to.startsWith('.') ? posix.join(posix.dirname(from), to) : undefined
}

function libraryOf(to: string): string {
  return to
    .split('/')
    .slice(0, to.startsWith('@') ? 2 : 1)
    .join('/')
}

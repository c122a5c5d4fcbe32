// Clock, chance, files, processes and sockets only through kit/world, so that a whole cloud runs from a seed.
import { codeOf, importsOf, isTest, type Source } from './source.ts'

/** Places that are the doors themselves; the dashboard runs in browsers, whose clock and network are its own. */
const doors = ['src/kit/world/', 'src/drivers/', 'src/dashboard/']

/** What else may reach outside, and why; a line that is not needed any more fails. */
export const exceptions: readonly { path: string; uses: string; why: string }[] = [
  {
    path: 'src/kit/log/log.ts',
    uses: 'new Date()',
    why: 'a log line tells the hour of the host, also when a test plays with time',
  },
  {
    path: 'src/kit/http/server.ts',
    uses: 'node:http',
    why: 'the server side of HTTP; tests go through the in-process transport',
  },
  { path: 'src/kit/http/server.ts', uses: 'node:https', why: 'as node:http' },
  {
    path: 'src/kit/http/client.ts',
    uses: 'node:http',
    why: 'the client side of HTTP; the in-process transport needs no socket',
  },
  { path: 'src/kit/http/client.ts', uses: 'node:https', why: 'as node:http' },
  {
    path: 'src/kit/http/plain.ts',
    uses: 'node:http',
    why: "parses HTTP on connections that the World's sockets accept",
  },
  {
    path: 'src/kit/http/download.ts',
    uses: 'node:http',
    why: "speaks HTTP on connections that the World's sockets made to checked addresses",
  },
  {
    path: 'src/kit/digest/threads.ts',
    uses: 'node:worker_threads',
    why: 'checksums off the event loop; the result depends on the bytes alone',
  },
  { path: 'src/kit/digest/worker.ts', uses: 'node:worker_threads', why: 'the other end of digest.ts' },
  {
    path: 'src/kit/password/foreign.ts',
    uses: 'node:worker_threads',
    why: 'bcrypt off the event loop; the result depends on the password alone',
  },
  {
    path: 'src/kit/password/bcrypt-thread.ts',
    uses: 'node:worker_threads',
    why: 'the other end of foreign.ts',
  },
  {
    path: 'src/main/broker-thread.ts',
    uses: 'node:worker_threads',
    why: "the broker's thread; tests on virtual time open the broker in their own",
  },
  {
    path: 'src/main/broker-thread-entry.ts',
    uses: 'node:worker_threads',
    why: 'the other end of broker-thread.ts',
  },
  {
    path: 'src/main/simulated-hosts-thread.ts',
    uses: 'node:worker_threads',
    why: 'many simulated hosts beside their controller; on virtual time they are in one thread',
  },
  {
    path: 'src/main/simulated-hosts-thread-entry.ts',
    uses: 'node:worker_threads',
    why: 'the other end of simulated-hosts-thread.ts',
  },
  {
    path: 'src/main/simulated-hosts-thread-entry.ts',
    uses: 'Atomics.wait',
    why: 'standing still is what it is asked for, while a snapshot is copied',
  },
  {
    path: 'src/kit/world/universe/guard.test.ts',
    uses: 'setTimeout',
    why: 'what becomes of whoever goes past the World is what it tests',
  },
  { path: 'src/kit/world/universe/guard.test.ts', uses: 'Math.random', why: 'as setTimeout' },
  {
    path: 'src/kit/log/source-line.ts',
    uses: 'node:fs',
    why: "reads the program's own bundle when a stack is told; what is told depends on nothing else",
  },
]

const words: readonly [name: string, pattern: RegExp][] = [
  ['Date.now', /\bDate\.now\b/],
  ['new Date()', /\bnew Date\(\s*\)/],
  ['Date()', /(?<!new )\bDate\(/],
  ['Math.random', /\bMath\.random\b/],
  ['setTimeout', /\bsetTimeout\b/],
  ['setInterval', /\bsetInterval\b/],
  ['performance', /\bperformance\.\w/],
  ['process.hrtime', /\bprocess\.hrtime\b/],
  ['randomUUID', /\brandomUUID\b/],
  ['randomBytes', /\brandom(Bytes|Int|Fill|FillSync)\b/],
  ['getRandomValues', /\bgetRandomValues\b/],
  ['fetch', /(?<![.\w])fetch\(/],
  ['WebSocket', /\bnew WebSocket\(/],
  ['Atomics.wait', /\bAtomics\.wait\b/],
]
const modules = [
  'child_process',
  'cluster',
  'dgram',
  'dns',
  'dns/promises',
  'fs',
  'fs/promises',
  'http',
  'http2',
  'https',
  'net',
  'sqlite',
  'os',
  'timers',
  'timers/promises',
  'tls',
  'worker_threads',
].map((name) => `node:${name}`)

/** Says what an address looks like and touches no socket. */
const pure: Record<string, readonly string[]> = { 'node:net': ['isIP', 'isIPv4', 'isIPv6'] }

/** In tests only what would make them wait, or differ from run to run. */
const forTests = [
  'setTimeout',
  'setInterval',
  'Math.random',
  'Atomics.wait',
  'node:timers',
  'node:timers/promises',
]

export type Use = { path: string; line: number; uses: string }

export function findUses(sources: readonly Source[]): Use[] {
  return sources.flatMap((source) => {
    const { path } = source
    if (doors.some((door) => path.startsWith(door)) && !isTest(path)) return []
    const found = [...usedWords(source), ...usedModules(source)]
    return isTest(path) ? found.filter((use) => forTests.includes(use.uses)) : found
  })
}

export function judgeUses(
  uses: readonly Use[],
  allowed: readonly { path: string; uses: string }[],
): { refused: string[]; idle: string[] } {
  const fits = (use: Use, entry: { path: string; uses: string }) =>
    entry.path === use.path && entry.uses === use.uses
  return {
    refused: uses
      .filter((use) => !allowed.some((entry) => fits(use, entry)))
      .map((use) => `${use.path}:${use.line}: ${use.uses} goes past the World`),
    idle: allowed
      .filter((entry) => !uses.some((use) => fits(use, entry)))
      .map((entry) => `${entry.path} does not use ${entry.uses} any more`),
  }
}

function usedWords(source: Source): Use[] {
  return codeOf(source.text)
    .split('\n')
    .flatMap((line, index) =>
      words
        .filter(([, pattern]) => pattern.test(line))
        .map(([uses]) => ({ path: source.path, line: index + 1, uses })),
    )
}

function usedModules(source: Source): Use[] {
  return importsOf(source)
    .filter((each) => modules.includes(each.to) && !each.typeOnly)
    .filter((each) => each.names.length === 0 || !each.names.every((name) => pure[each.to]?.includes(name)))
    .map((each) => ({ path: source.path, line: each.line, uses: each.to }))
}

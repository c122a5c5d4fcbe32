// A cloud of real processes for tests: raised by ./nimbo in a folder of its own, on ports of its own, asked by stock
// clients. Whoever opens one calls destroy() at the end, also of a test that failed. The logs are copied to the folder
// that NIMBO_TEST_LOGS names, if it does.
import { chmodSync, cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { expect } from 'vitest'
import { openSession, type Session } from '#cli/openstack.ts'
import { httpClient } from '#kit/http/client.ts'
import { realWorld } from '#kit/world/real.ts'
import type { RunResult } from '#kit/world/world.ts'
import { freePortRow, rowNumber } from '#test/port.ts'
import { clientEnv, runClient } from './client-fork.ts'

export const world = realWorld()
const launcher = new URL('../../nimbo', import.meta.url).pathname

export type User = 'admin' | 'demo'
/** What ran, for messages, with what came of it. */
export type Said = RunResult & { line: string }

export type LiveCloud = {
  /** A folder for the test's own files; the cloud's data lies below it. */
  readonly folder: string
  readonly root: string
  readonly portBase: number
  /** The first three numbers of the external network's addresses, which no other cloud of these tests has. */
  readonly publicPrefix: string
  /** `nimbo up` on this cloud's ports. */
  up(...args: string[]): Promise<Said>
  /** ./nimbo VERB ... --data ROOT. */
  nimbo(...args: string[]): Promise<Said>
  /** A stock client as this user, 'openstack' unless the first word is another of Debian's clients. */
  ask(user: User, ...args: string[]): Promise<Said>
  /** The same; fails the test where the client says no. Standard output. */
  text(user: User, ...args: string[]): Promise<string>
  /** The same with `-f json`, read. */
  json<T = Record<string, string>>(user: User, ...args: string[]): Promise<T>
  /** Many commands in one process of the openstack client, which is quicker by far; standard output of all. Fails the
   * test where one of them complains. `options` are the client's own. */
  script(user: User, lines: readonly string[], options?: readonly string[]): Promise<string>
  /** Commands of the glance client, one after the other, at a terminal: what became of each. */
  glance(user: User, lines: readonly string[]): Promise<Said[]>
  /** What its openrc sets. */
  login(user: User): Promise<Record<string, string>>
  session(user: User): Promise<Session>
  destroy(): Promise<void>
}

const forked = ['openstack', 'glance']
const clients = [...forked, 'neutron', 'nova', 'cinder']

export async function prepareLiveCloud(name: string, plane: 'real' | 'sim'): Promise<LiveCloud> {
  const folder = mkdtempSync(`/tmp/nimbo-${name}-`)
  // Guests run as another user, who has to get through to their disks.
  chmodSync(folder, 0o711)
  const root = `${folder}/cloud`
  const portBase = await freePortRow()
  const publicPrefix = `172.30.${rowNumber(portBase)}`
  if (plane === 'real') {
    await world.files.makeFolder(root, { mode: 0o711 })
    await world.files.write(
      `${root}/nimbo.yaml`,
      `cloud:\n  port_base: ${portBase}\n  public_cidr: ${publicPrefix}.0/24\n`,
    )
  }
  const http = httpClient()

  const nimbo = async (...args: string[]) => {
    const ran = await world.processes.run(launcher, [...args, '--data', root], {
      env: clientEnv(),
      timeoutMs: 600_000,
    })
    return { ...ran, line: `nimbo ${args.join(' ')}` }
  }
  const login = async (user: User): Promise<Record<string, string>> => {
    const rc = await world.files.readText(`${root}/${user}-openrc`)
    return Object.fromEntries(
      [...rc.matchAll(/^export (\w+)='(.*)'$/gm)].map((found) => [found[1]!, found[2]!]),
    )
  }
  const ask = async (user: User, ...args: string[]) => {
    const [client, words] = clients.includes(args[0]!) ? [args[0]!, args.slice(1)] : ['openstack', args]
    const options = { env: { ...clientEnv(), ...(await login(user)) }, timeoutMs: 120_000 }
    const ran = await (forked.includes(client) ? runClient : world.processes.run)(client, words, options)
    return { ...ran, line: `${client} ${words.join(' ')}` }
  }
  const text = async (user: User, ...args: string[]) => succeeded(await ask(user, ...args)).stdout

  return {
    folder,
    root,
    portBase,
    publicPrefix,
    up: (...args) =>
      nimbo('up', ...(plane === 'sim' ? ['--sim'] : []), '--port-base', String(portBase), ...args),
    nimbo,
    ask,
    text,
    json: async <T>(user: User, ...args: string[]) =>
      JSON.parse(await text(user, ...args, '-f', 'json')) as T,
    async script(user, lines, options = []) {
      const ran = await runClient('openstack', options, {
        env: { ...clientEnv(), ...(await login(user)) },
        input: `${lines.join('\n')}\n`,
        timeoutMs: 300_000,
      })
      // Its own answer is 0 whatever the commands said.
      expect(ran.stderr, lines.join('\n')).toBe('')
      return succeeded({ ...ran, line: 'openstack, with commands from standard input' }).stdout
    },
    async glance(user, lines) {
      const said: Said[] = []
      // It keeps what it has read of schemas at home, for clouds that come later at the same address.
      const env = { ...clientEnv(), ...(await login(user)), HOME: folder }
      for (const line of lines) {
        // What isn't a terminal it takes for an image.
        const ran = await runClient('glance', wordsOf(line), { env, terminal: true, timeoutMs: 120_000 })
        said.push({ ...ran, line: `glance ${line}` })
      }
      return said
    },
    login,
    async session(user) {
      const own = await login(user)
      return openSession(http, {
        authUrl: own.OS_AUTH_URL!,
        username: own.OS_USERNAME!,
        password: own.OS_PASSWORD!,
        project: own.OS_PROJECT_NAME!,
        region: own.OS_REGION_NAME!,
      })
    },
    async destroy() {
      http.close()
      const kept = process.env.NIMBO_TEST_LOGS
      if (kept && existsSync(`${root}/log`)) cpSync(`${root}/log`, `${kept}/${name}`, { recursive: true })
      if (await world.files.exists(`${root}/.nimbo-cloud`)) succeeded(await nimbo('destroy', '--yes'))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Fails the test with what was said, by whom. */
export function succeeded(said: Said): Said {
  expect(said.code, `${said.line}\n${said.stderr}\n${said.stdout}`).toBe(0)
  return said
}

/** Asks until there is an answer; a real cloud has no clock that a test could turn. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false>,
  timeoutMs = 60_000,
  everyMs = 200,
): Promise<T> {
  const deadline = world.clock.monotonic() + timeoutMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    if (world.clock.monotonic() > deadline) throw new Error(`Not within ${timeoutMs / 1000} s: ${what}`)
    await world.timers.sleep(everyMs)
  }
}

/** As a shell splits a line in which there is nothing to quote within quotes. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word)
}

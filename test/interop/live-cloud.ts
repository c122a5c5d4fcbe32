// A cloud of real processes for tests: raised by ./nimbo in a folder of its own, on ports of its own, asked by stock
// clients. Whoever opens one calls destroy() at the end, also of a test that failed. The logs are copied to the folder
// that NIMBO_TEST_LOGS names, if it does.
import { chmodSync, cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { expect } from 'vitest'
import { openSession, type Session } from '#cli/openstack.ts'
import { httpClient } from '#kit/http/client.ts'
import { realWorld } from '#kit/world/real.ts'
import type { RunResult } from '#kit/world/world.ts'
import { freePortRow } from '#test/port.ts'

export const world = realWorld()
const glanceCommands = new URL('glance-cli.py', import.meta.url).pathname
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
  /** Many commands in one process of the glance client: what became of each. */
  glance(user: User, lines: readonly string[]): Promise<Said[]>
  session(user: User): Promise<Session>
  destroy(): Promise<void>
}

const clients = ['openstack', 'glance', 'neutron', 'nova', 'cinder']

export async function prepareLiveCloud(name: string, plane: 'real' | 'sim'): Promise<LiveCloud> {
  const folder = mkdtempSync(`/tmp/nimbo-${name}-`)
  // Guests run as another user, who has to get through to their disks.
  chmodSync(folder, 0o711)
  const root = `${folder}/cloud`
  const portBase = await freePortRow()
  const publicPrefix = `172.30.${((portBase - 24_000) / 20) % 250}`
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
      env: processEnv(),
      timeoutMs: 600_000,
    })
    return { ...ran, line: `nimbo ${args.join(' ')}` }
  }
  const loginOf = async (user: User) => {
    const rc = await world.files.readText(`${root}/${user}-openrc`)
    return Object.fromEntries(
      [...rc.matchAll(/^export (\w+)='(.*)'$/gm)].map((found) => [found[1]!, found[2]!]),
    )
  }
  const ask = async (user: User, ...args: string[]) => {
    const [client, words] = clients.includes(args[0]!) ? [args[0]!, args.slice(1)] : ['openstack', args]
    const ran = await world.processes.run(client, words, {
      env: { ...processEnv(), ...(await loginOf(user)) },
      timeoutMs: 120_000,
    })
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
      const ran = await world.processes.run('openstack', options, {
        env: { ...processEnv(), ...(await loginOf(user)) },
        input: `${lines.join('\n')}\n`,
        timeoutMs: 300_000,
      })
      // Its own answer is 0 whatever the commands said.
      expect(ran.stderr, lines.join('\n')).toBe('')
      return succeeded({ ...ran, line: 'openstack, with commands from standard input' }).stdout
    },
    async glance(user, lines) {
      const ran = await world.processes.run('/usr/bin/python3', ['-W', 'ignore', glanceCommands], {
        // It keeps what it has read of schemas at home, for clouds that come later at the same address.
        env: { ...processEnv(), ...(await loginOf(user)), HOME: folder },
        input: `${lines.join('\n')}\n`,
        timeoutMs: 300_000,
      })
      succeeded({ ...ran, line: 'glance, with commands from standard input' })
      const answers = ran.stdout.trimEnd().split('\n')
      return answers.map((text, at) => ({ ...ran, ...JSON.parse(text), line: `glance ${lines[at]}` }))
    },
    async session(user) {
      const login = await loginOf(user)
      return openSession(http, {
        authUrl: login.OS_AUTH_URL!,
        username: login.OS_USERNAME!,
        password: login.OS_PASSWORD!,
        project: login.OS_PROJECT_NAME!,
        region: login.OS_REGION_NAME!,
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

function processEnv(): Record<string, string> {
  const { PATH = '', HOME = '/root', LANG = 'C.UTF-8' } = process.env
  return { PATH, HOME, LANG, NO_COLOR: '1' }
}

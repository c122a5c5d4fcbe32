// PostgreSQL and MariaDB of the tests' own, from Debian's packages: in a folder below /tmp, on a port of 127.0.0.1, as a
// user without rights, gone at the end. Nothing that the machine itself runs or keeps is touched.
import { chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { realWorld } from '#kit/world/real.ts'
import type { StartedProcess } from '#kit/world/world.ts'
import { freePort } from '#test/port.ts'
import { until } from './wait.ts'

export const world = realWorld()

export type ServerKind = 'postgres' | 'mariadb'

export type DatabaseServer = {
  readonly kind: ServerKind
  /** Of an account that may make databases, on a database that is there: 'postgres://nimbo:…@127.0.0.1:29001/start'. */
  readonly url: string
  readonly folder: string
  /** What its own client prints, as the account of `url`: a line for each row, columns between tabs. */
  ask(sql: string): Promise<string>
  /** At once, as if its power were cut for its process alone. */
  kill(): Promise<void>
  /** Again, on the same port and folder; resolves when it answers. */
  start(): Promise<void>
  /** With all that it kept. */
  remove(): Promise<void>
}

export type ServerWish = {
  /** Commits survive a power cut, as in daily life; without it tests go faster. */
  durable?: boolean
  /** More words on the server's command line, asked for at each start. */
  args?: () => readonly string[]
  /** Instead of one that is free. */
  port?: number
  address?: string
}

/** Not root, which neither server runs as; whoever runs the tests, where that isn't root. */
const account = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
const password = 'only-for-tests'
const startMs = 60_000

export async function startServer(kind: ServerKind, wish: ServerWish = {}): Promise<DatabaseServer> {
  const folder = mkdtempSync(`/tmp/nimbo-${kind}-`)
  if (account.uid !== undefined) chownSync(folder, account.uid, account.gid)
  const { address = '127.0.0.1', port = await freePort() } = wish
  const recipe = kind === 'postgres' ? postgres : mariadb
  const { durable = false, args = () => [] } = wish
  const place: Place = { folder, address, port, durable, args }
  let running: StartedProcess | undefined

  const server: DatabaseServer = {
    kind,
    url: `${kind === 'postgres' ? 'postgres' : 'mysql'}://nimbo:${password}@${address}:${port}/${kind === 'postgres' ? 'postgres' : 'start'}`,
    folder,
    ask: async (sql) => (await mustRun(recipe.client(place, sql))).trim(),
    async kill() {
      running?.kill('SIGKILL')
      await running?.exited
      running = undefined
    },
    async start() {
      const [command, ...args] = recipe.command(place)
      const started = await world.processes.start(command!, args, {
        ...account,
        cwd: folder,
        env: envOf(folder),
        logFile: `${folder}/log`,
      })
      running = started
      let ended = false
      void started.exited.then(() => {
        ended = true
      })
      const answers = async () => {
        if (ended) throw new Error(`${kind} ended: ${await world.files.readText(`${folder}/log`)}`)
        return (await run(recipe.probe(place))).code === 0
      }
      await until(`${kind} answers`, answers, startMs, 50)
    },
    async remove() {
      await server.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  try {
    for (const words of await recipe.prepare(place)) await mustRun(words, folder)
    await server.start()
    return server
  } catch (error) {
    await server.remove()
    throw error
  }
}

type Place = {
  folder: string
  address: string
  port: number
  durable: boolean
  args: () => readonly string[]
}
type Recipe = {
  /** Commands that make the folder's content. */
  prepare(place: Place): Promise<string[][]>
  command(place: Place): string[]
  client(place: Place, sql: string): string[]
  /** Ends with 0 once the server takes queries. */
  probe(place: Place): string[]
}

const plainEnv = {
  HOME: '/nonexistent',
  LANG: 'C.UTF-8',
  PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
  MYSQL_PWD: password,
  PGPASSWORD: password,
}

/** A MariaDB that starts removes temporary tables in its folder for them as left behind: those of others that run, too. */
const envOf = (folder: string) => ({ ...plainEnv, TMPDIR: folder })

const postgres: Recipe = {
  async prepare({ folder }) {
    await world.files.write(`${folder}/password`, password, { mode: 0o644 })
    const options = ['-U', 'nimbo', '--auth=scram-sha-256', `--pwfile=${folder}/password`]
    return [
      [postgresProgram('initdb'), '-D', `${folder}/data`, ...options, '-E', 'UTF8', '--locale=C.UTF-8', '-N'],
    ]
  },
  command: ({ folder, address, port, durable, args }) => [
    postgresProgram('postgres'),
    ...['-D', `${folder}/data`, '-p', String(port), '-k', '', '-h', address],
    ...['-c', 'max_connections=400', '-c', 'shared_buffers=128MB', '-c', `fsync=${durable ? 'on' : 'off'}`],
    ...args(),
  ],
  client: ({ address, port }, sql) => [
    ...[postgresProgram('psql'), '-X', '-A', '-t', '-F', '\t', '-v', 'ON_ERROR_STOP=1'],
    ...['-U', 'nimbo', '-h', address, '-p', String(port), '-d', 'postgres', '-c', sql],
  ],
  probe: ({ address, port }) => [postgresProgram('pg_isready'), '-q', '-h', address, '-p', String(port)],
}

/** A table is made in a tenth of the time. */
const neverFlushed = [
  ...['--innodb-flush-log-at-trx-commit=0', '--innodb-flush-method=nosync', '--skip-innodb-doublewrite'],
  '--sync-frm=OFF',
]

const mariadb: Recipe = {
  async prepare({ folder }) {
    // A statement to a line.
    const first = [
      'create database if not exists start;',
      `create user if not exists nimbo@'%' identified by '${password}';`,
      `grant all on *.* to nimbo@'%' with grant option;`,
    ]
    await world.files.write(`${folder}/first.sql`, `${first.join('\n')}\n`, { mode: 0o644 })
    const options = ['--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve']
    return [
      [
        '/usr/bin/mariadb-install-db',
        '--no-defaults',
        `--datadir=${folder}/data`,
        '--basedir=/usr',
        ...options,
      ],
    ]
  },
  command: ({ folder, address, port, durable, args }) => [
    ...['/usr/sbin/mariadbd', '--no-defaults', `--datadir=${folder}/data`, `--socket=${folder}/socket`],
    ...[
      `--bind-address=${address}`,
      `--port=${port}`,
      `--pid-file=${folder}/pid`,
      `--init-file=${folder}/first.sql`,
    ],
    ...['--max-connections=400', '--skip-name-resolve', '--innodb-buffer-pool-size=128M'],
    ...(durable ? ['--innodb-flush-log-at-trx-commit=1'] : neverFlushed),
    ...args(),
  ],
  client: ({ address, port }, sql) => [
    ...['/usr/bin/mariadb', '--no-defaults', '-N', '-B', '-u', 'nimbo', '-h', address, '-P', String(port)],
    ...['-e', sql, 'start'],
  ],
  // The account is made at the very end of the start.
  probe: (place) => mariadb.client(place, 'select 1'),
}

function postgresProgram(name: string): string {
  const root = '/usr/lib/postgresql'
  const newest = readdirSync(root).sort((a, b) => Number(b) - Number(a))[0]
  return `${root}/${newest}/bin/${name}`
}

function run([command, ...args]: string[], folder = '/tmp') {
  const env = envOf(folder)
  return world.processes.run(command!, args, { ...account, cwd: '/tmp', env, timeoutMs: 120_000 })
}

async function mustRun(words: string[], folder?: string): Promise<string> {
  const { code, stderr, stdout } = await run(words, folder)
  if (code !== 0) throw new CloudError('unavailable', `${words[0]} failed`, { detail: stderr + stdout })
  return stdout
}

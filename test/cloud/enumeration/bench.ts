// A cloud with one sample of everything that routes name, all of it the owner's, and the means to make more.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestCloud, testCloud } from '../test-cloud.ts'
import { type Caller, makePeople, type People } from './caller.ts'
import type { Standing, Target } from './evaluate.ts'
import { type Answered, type Ids, send, versionHeaders } from './route.ts'
import { type BesideCloud, openBeside } from './subject-simulation.ts'

export type Ask = { who?: Caller; headers?: Record<string, string>; status?: number }
export type Bench = {
  /** With the simulation service among its services. */
  readonly cloud: TestCloud
  readonly beside: BesideCloud
  readonly people: People
  /** By service, the samples that all callers share. */
  readonly ids: Record<string, Record<string, string>>
  /** By service, how more of each are made. */
  readonly makers: Record<string, Readonly<Record<string, Maker>>>
  /** Names and ids of the owner's that no stranger's answer may hold. */
  readonly secrets: Set<string>
  /** A name that nothing else has. */
  name(): string
  /** As the administrator of the owner's project unless told otherwise; throws where it isn't done. */
  // biome-ignore lint/suspicious/noExplicitAny: each service answers in its own shape
  ask(type: string, method: string, path: string, body?: unknown, as?: Ask): Promise<any>
}

/** Makes one more of what the segment of a path names, and returns what fills the parameter behind it. */
export type Maker = (bench: Bench) => Promise<string>

/** What a test must know of a route that its declaration doesn't say. */
export type Guard = {
  /** The rule that decides; 'public' needs no token, and 'token' takes any. */
  rule: string
  /** Who asks where one who may is wanted; the administrator of the owner's project unless given. */
  who?: string
  /** About what it decides: the owner's samples unless given. */
  target?: (who: Standing, bench: Bench) => Target
  /** The rule by which one sees the object: for others it isn't there, 404. Without it a refusal is 403. */
  sees?: string | ((who: Standing, bench: Bench) => boolean)
  /** What else a refused one hears, by who it is. */
  refused?: (who: Standing, bench: Bench) => number | undefined
  body?: (bench: Bench) => unknown
  /** Bodies of older versions of the call: 'until 2.52'. */
  versions?: Readonly<Record<string, (bench: Bench) => unknown>>
  query?: (who: Standing, bench: Bench) => string
  headers?: (bench: Bench) => Record<string, string>
  /** Called before each allowed request, since the one before has used up the sample. */
  before?: (bench: Bench) => Promise<Ids | undefined>
  /** What the allowed hear, where that is neither success nor a conflict that an earlier request has left. */
  answers?: readonly number[]
}
export type Guards = Readonly<Record<string, Guard>>

/** A service's table. */
export type Subject = {
  type: string
  guards: Guards
  makers: Readonly<Record<string, Maker>>
  /** Samples that everybody may see. */
  shown?: readonly string[]
  /** Segments that stand for the samples of another. */
  aliases?: Readonly<Record<string, string>>
  /** Fixed values of parameters: what exists in every cloud, or must not exist. */
  fixed?: (bench: Bench) => Record<string, string>
  /** Routes by which a mere reader changes something: its own things. */
  openToReaders?: readonly string[]
  /** The attributes of the owner's samples, as rules name them. */
  target: (bench: Bench) => Target
}

/** All that can be switched on is; and tokens live for a short time, so that it needn't be long until they have expired. */
const settings = `
identity: { token_expiration: 15m }
image:
  stores: [{ id: fast, kind: file, default: true }, { id: slow, kind: file }]
  show_locations: true
  cache: true
  download_hosts: [images.sample.test, localhost]
  download_reserved: [127.0.0.1/32]
`

export async function openBench(): Promise<Bench> {
  const plain = await testCloud({ hosts: 1, filed: true, yaml: settings })
  await answerLocally(plain)
  const folder = mkdtempSync(join(tmpdir(), 'nimbo-bench-'))
  const beside = await openBeside(plain, folder)
  const cloud: TestCloud = {
    ...plain,
    services: new Map([...plain.services, ['simulation', beside.service.http]]),
    async stop() {
      await beside.service.stop()
      await plain.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  const people = await makePeople(cloud)
  let count = 0
  const bench: Bench = {
    cloud,
    beside,
    people,
    ids: {},
    makers: {},
    secrets: new Set(),
    name: () => `sample-${++count}`,
    async ask(type, method, path, body, { who = people.admin, headers, status } = {}) {
      const service = cloud.services.get(type)!
      const prefix = service.prefixes[0]!.replace(':project_id', who.projectId ?? 'none')
      const answered = await send(cloud, type, {
        method,
        url: prefix + path,
        headers: {
          'x-auth-token': who.token,
          ...versionHeaders(type, {}),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        body: body === undefined ? undefined : Buffer.isBuffer(body) ? body : JSON.stringify(body),
      })
      if (status === undefined ? answered.status >= 300 : answered.status !== status)
        throw new Error(`${method} ${prefix}${path}: ${answered.status} ${answered.text}`)
      return answered.body ?? answered
    },
  }
  return bench
}

/** A place at which 512 bytes of an image lie. */
async function answerLocally({ world }: TestCloud): Promise<void> {
  await world.sockets.listen({ host: '127.0.0.1', port: 80 }, (visitor) => {
    visitor.once('data', () => visitor.end('HTTP/1.1 200 OK\r\ncontent-length: 512\r\n\r\n'))
  })
}

/** One sample of each kind, in the order of the table: later ones may stand on earlier ones. */
export async function makeSamples(bench: Bench, subject: Subject): Promise<void> {
  const ids: Record<string, string> = { ...subject.fixed?.(bench) }
  bench.ids[subject.type] = ids
  bench.makers[subject.type] = subject.makers
  for (const [segment, make] of Object.entries(subject.makers)) {
    if (ids[segment] !== undefined) continue
    ids[segment] = await make(bench)
    if (/^[0-9a-f-]{32,64}$/.test(ids[segment]) && !subject.shown?.includes(segment))
      bench.secrets.add(ids[segment])
  }
  for (const [alias, segment] of Object.entries(subject.aliases ?? {})) ids[alias] = ids[segment]!
}

export type { Answered }

// A user of the cloud with an SDK: it logs in, waits for answers with patience and an end to it, asks again where that is
// harmless, looks by name for what it made when the answer was lost, and keeps in mind what it owns.
import type { Call, Session } from '#cli/openstack.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Clock, Random, Timers } from '#kit/world/world.ts'
import { isLost, isRefusal, type Ledger, type Operation, wordsOf } from './operation.ts'
import { differences, expectEither, expectNow, type Kind, placeOf, type Thing } from './thing.ts'

/** What the workload needs of a cloud; times are those of the clients' machine. */
export type WorkloadCloud = {
  readonly clock: Clock
  readonly timers: Timers
  /** Prepares the ground; it keeps asking until it is answered. */
  readonly admin: Session
  /** On the clients' machine: what is lost is thrown as `unavailable`, `timeout` or `badGateway`. */
  login(username: string, password: string, project: string): Promise<Session>
  /** A line in the trace of the run. */
  say(words: string): void
}

export type Shown = Record<string, unknown> & { id?: string; status?: string; name?: string }

export type Credentials = { readonly username: string; readonly password: string; readonly project: string }

export type Client = {
  readonly name: string
  readonly project: string
  readonly projectId: string
  readonly userId: string
  readonly random: Random
  readonly ledger: Ledger
  /** Its own. */
  readonly things: Thing[]
  /** Of all clients, itself included. */
  readonly everybody: readonly Client[]
  /** Tokens that it gave back, or that a change of its standing ended. */
  readonly revoked: string[]
  /** Whether a service still takes this token. */
  isAccepted(token: string): Promise<boolean>
  /** The time of its machine. */
  now(): number
  sleep(ms: number): Promise<void>
  chance(percent: number): boolean
  pick<T>(from: readonly T[]): T | undefined
  newName(kind: string): string
  /** Its own of a kind that are there as far as it knows, with their ids. */
  own(kind: Kind): OwnThing[]
  /** Those of everybody in the project. */
  shared(kind: Kind): OwnThing[]
  login(): Promise<Session>
  /** One request, with a time limit; a token that has ended is replaced once. */
  once<T = Shown>(type: string, call: Call): Promise<T>
  /** A request that may be made twice: again after each loss, for a minute and a half. */
  ask<T = Shown>(type: string, call: Call): Promise<T>
  /** Records what `work` does; what the cloud refuses or loses ends it without harm. False unless it went through. */
  operate(
    name: string,
    thing: Thing | undefined,
    work: (operation: Operation) => Promise<void>,
  ): Promise<boolean>
  /** POSTs a thing; undefined where that was refused, or nobody knows. */
  create(kind: Kind, body: Record<string, unknown>, options?: CreateOptions): Promise<OwnThing | undefined>
  show(thing: OwnThing): Promise<Shown | undefined>
  /** PUTs attributes and notes what the thing should be like from then on. */
  update(thing: OwnThing, change: Record<string, unknown>): Promise<boolean>
  remove(thing: OwnThing): Promise<boolean>
  /** Looks until `done` says so or the time is over; what was seen last, undefined where it isn't there. */
  until(thing: OwnThing, done: (shown: Shown) => boolean, limitMs?: number): Promise<Shown | undefined>
}
export type OwnThing = Thing & { id: string }

type CreateOptions = {
  /** What is noted as expected, besides the name. */
  expect?: Record<string, unknown>
  link?: Record<string, string>
  /** Beside the thing in the request's body. */
  beside?: Record<string, unknown>
}

const answerLimitMs = 60_000
const pausesMs = [1000, 2000, 4000, 8000, 15_000, 30_000, 30_000]

export async function openClient(given: {
  cloud: WorkloadCloud
  ledger: Ledger
  random: Random
  name: string
  credentials: Credentials
  everybody: readonly Client[]
  /** Known without logging in: nobody can ask for it while the cloud is down. */
  projectId: string
  userId: string
}): Promise<Client> {
  const { cloud, ledger, random, name, credentials } = given
  const { clock, timers } = cloud
  const things: Thing[] = []
  let session: Session | undefined
  let names = 0

  const sleep = (ms: number) => timers.sleep(ms, { background: true })

  /** No answer in time is a loss like any other; what comes later is nobody's. */
  async function inTime<T>(answer: Promise<T>): Promise<T> {
    let cancel = () => {}
    const late = new Promise<never>((_, reject) => {
      cancel = timers.after(answerLimitMs, () => reject(new CloudError('timeout', 'No answer in time.')), {
        background: true,
      })
    })
    answer.catch(() => {})
    return Promise.race([answer, late]).finally(cancel)
  }

  const login = () => inTime(cloud.login(credentials.username, credentials.password, credentials.project))

  async function once<T>(type: string, call: Call): Promise<T> {
    session ??= await login()
    try {
      return await inTime(session.call<T>(type, call))
    } catch (error) {
      if (!isRefusal(error, 'unauthorized')) throw error
      session = await login()
      return inTime(session.call<T>(type, call))
    }
  }

  /** `lost` tells the caller that an earlier try may have been done. */
  async function persist<T>(type: string, call: Call, lost: () => void = () => {}): Promise<T> {
    for (const pause of pausesMs) {
      try {
        return await once<T>(type, call)
      } catch (error) {
        if (!isLost(error)) throw error
        lost()
        await sleep(pause + random.int(0, 500))
      }
    }
    return once<T>(type, call)
  }

  async function operate(
    what: string,
    thing: Thing | undefined,
    work: (operation: Operation) => Promise<void>,
  ) {
    const subject = thing && `${thing.kind} ${thing.name}${thing.id ? ` ${thing.id}` : ''}`
    const operation = ledger.begin({ client: name, project: credentials.project, name: what, subject })
    try {
      await work(operation)
      ledger.end(operation, 'ok')
      return true
    } catch (error) {
      if (!(error instanceof CloudError)) throw error
      ledger.end(operation, isLost(error) ? 'unknown' : 'refused', wordsOf(error))
      // A service that has met something it didn't think of.
      if (error.kind === 'internal') ledger.complain(name, `${what}: ${wordsOf(error)}`)
      return false
    }
  }

  const where = (kind: Kind) => placeOf(kind, given.userId)
  const pathOf = (thing: OwnThing) => `${where(thing.kind).collection}/${encodeURIComponent(thing.id)}`
  const open = (kind: Kind, body: unknown): Shown => {
    const { wrapper } = where(kind)
    return (wrapper ? (body as Record<string, Shown>)[wrapper] : body) as Shown
  }
  const idOf = (kind: Kind, shown: Shown) => String(kind === 'keypair' ? shown.name : shown.id)

  async function find(kind: Kind, wanted: string): Promise<Shown | undefined> {
    const { type, collection } = where(kind)
    const byName =
      ['network', 'image'].includes(type) && kind !== 'floatingip' && kind !== 'security_group_rule'
    const path = byName ? `${collection}?name=${encodeURIComponent(wanted)}` : collection
    const list =
      Object.values(await persist<Record<string, unknown>>(type, { path })).find(Array.isArray) ?? []
    const shown = (list as Shown[]).map((each) => (each.keypair ?? each) as Shown)
    return shown.find((each) => each.name === wanted || each.description === wanted)
  }

  const client: Client = {
    name,
    project: credentials.project,
    projectId: given.projectId,
    userId: given.userId,
    random,
    ledger,
    things,
    everybody: given.everybody,
    revoked: [],
    async isAccepted(token) {
      try {
        await persist('compute', { path: '/limits', headers: { 'x-auth-token': token } })
        return true
      } catch (error) {
        if (!isRefusal(error, 'unauthorized')) throw error
        return false
      }
    },
    now: () => clock.now(),
    sleep,
    chance: (percent) => random.int(0, 100) < percent,
    pick: (from) => (from.length === 0 ? undefined : from[random.int(0, from.length)]),
    newName: (kind) => `${name}-${kind}-${++names}`,
    own: (kind) => things.filter((thing): thing is OwnThing => isThere(thing, kind)),
    shared: (kind) =>
      given.everybody
        .filter((each) => each.projectId === given.projectId)
        .flatMap((each) => each.things.filter((thing): thing is OwnThing => isThere(thing, kind))),
    login,
    once,
    ask: persist,
    operate,

    async create(kind, body, options = {}) {
      const { type, collection, wrapper } = where(kind)
      const thing: Thing = {
        kind,
        name: client.newName(kind),
        client: name,
        project: credentials.project,
        projectId: given.projectId,
        id: undefined,
        standing: 'unsure',
        seen: new Map(),
        link: new Map(Object.entries(options.link ?? {})),
      }
      // These have no name: what they are for is said in their description.
      const label = kind === 'floatingip' || kind === 'security_group_rule' ? 'description' : 'name'
      const whole = { [label]: thing.name, ...body }
      things.push(thing)
      const made = (shown: Shown) => {
        thing.id = idOf(kind, shown)
        thing.standing = 'there'
        expectNow(thing, { [label]: thing.name, ...options.expect })
      }
      await operate(`${kind}.create`, thing, async () => {
        try {
          const sent = { ...(wrapper ? { [wrapper]: whole } : whole), ...options.beside }
          const call = { method: 'POST', path: collection, body: sent }
          made(open(kind, await once(type, call)))
        } catch (error) {
          if (!isLost(error)) {
            thing.standing = 'gone'
            throw error
          }
          // As tools do: was it made all the same? What was on its way may still arrive.
          for (const pause of [2000, 10_000]) {
            await sleep(pause)
            const shown = await find(kind, thing.name)
            if (shown) return made(shown)
          }
          throw error
        }
      })
      return thing.id === undefined ? undefined : (thing as OwnThing)
    },

    async show(thing) {
      try {
        const shown = open(thing.kind, await persist(where(thing.kind).type, { path: pathOf(thing) }))
        const wrong = thing.standing === 'there' ? differences(thing, shown) : []
        for (const each of wrong) ledger.complain(name, `${thing.kind} ${thing.id} (${thing.name}): ${each}`)
        return shown
      } catch (error) {
        if (!isRefusal(error, 'notFound')) throw error
        if (thing.standing === 'there')
          ledger.complain(
            name,
            `${thing.kind} ${thing.id} (${thing.name}) is not found, and nobody deleted it`,
          )
        thing.standing = 'gone'
        return undefined
      }
    },

    async update(thing, change) {
      const { type, wrapper } = where(thing.kind)
      const undo = expectEither(thing, change)
      return operate(`${thing.kind}.update`, thing, async () => {
        try {
          await persist(type, { method: 'PUT', path: pathOf(thing), body: { [wrapper!]: change } })
          expectNow(thing, change)
        } catch (error) {
          if (!isLost(error)) undo()
          throw error
        }
      })
    },

    async remove(thing) {
      const before = thing.standing
      let lost = before !== 'there'
      thing.standing = 'unsure'
      return operate(`${thing.kind}.delete`, thing, async () => {
        try {
          await persist(where(thing.kind).type, { method: 'DELETE', path: pathOf(thing) }, () => {
            lost = true
          })
          thing.standing = 'going'
        } catch (error) {
          if (isRefusal(error, 'notFound')) {
            thing.standing = 'gone'
            if (lost) return
            ledger.complain(
              name,
              `${thing.kind} ${thing.id} (${thing.name}) is not found, and nobody deleted it`,
            )
          }
          // A refusal may be what a repeated request meets of the first one's work.
          else if (!isLost(error)) thing.standing = lost ? 'unsure' : before
          throw error
        }
      })
    },

    async until(thing, done, limitMs = 600_000) {
      const end = clock.now() + limitMs
      for (;;) {
        const shown = await client.show(thing)
        if (!shown || done(shown)) return shown
        if (clock.now() > end) {
          cloud.say(`${name} gives up waiting for ${thing.kind} ${thing.name}, which is ${shown.status}`)
          return shown
        }
        await sleep(random.int(1000, 4000))
      }
    },
  }
  return client
}

function isThere(thing: Thing, kind: Kind): boolean {
  return thing.kind === kind && thing.standing === 'there' && thing.id !== undefined
}

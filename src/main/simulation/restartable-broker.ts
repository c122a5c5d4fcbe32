// The embedded broker of a simulated cloud, which can be killed while the rest of the process lives on: its connections are
// reset, what it had only in memory is gone, and it starts again from its disk, for those who still hold it.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Files, ListenTls, OpenFile } from '#kit/world/world.ts'
import type { BrokerDoor, CloudBroker, CloudBrokerPlan, OpenDoor } from '../cloud-broker.ts'
import { type MortalWorld, mortalWorld } from '../mortal-world.ts'

export type RestartableBroker = {
  open(plan: CloudBrokerPlan): Promise<CloudBroker>
  /** As by SIGKILL. Kind 'conflict' where it doesn't run, or isn't ours. */
  kill(): Promise<void>
  /** Does nothing where it is up, or was closed in order meanwhile. */
  start(): Promise<void>
}

type Alive = { broker: CloudBroker; mortal: MortalWorld; files: ReadonlySet<OpenFile> }
type Door = { wish: BrokerDoor; open: OpenDoor | undefined }

export function restartableBroker(
  openBroker: (plan: CloudBrokerPlan) => Promise<CloudBroker>,
): RestartableBroker {
  let plan: CloudBrokerPlan | undefined
  let alive: Alive | undefined
  let starting: Promise<void> | undefined
  let members: readonly string[] = []
  const doors: Door[] = []

  const begin = async (given: CloudBrokerPlan): Promise<Alive> => {
    const { files, open } = watched(given.world.files)
    const mortal = mortalWorld({ ...given.world, files })
    const broker = await openBroker({ ...given, world: mortal.world, log: mortal.log(given.log) })
    return { broker, mortal, files: open }
  }
  const restart = async (): Promise<void> => {
    if (alive || !plan) return
    const next = await begin(plan)
    await next.broker.admit(members)
    for (const door of doors) door.open = await next.broker.listen(door.wish)
    alive = next
  }
  /** Whoever asks while it is down is answered as by a port where nobody listens. */
  const running = (): CloudBroker => {
    if (alive) return alive.broker
    throw new CloudError('unavailable', 'The message broker is down.')
  }

  return {
    async open(given) {
      plan = { ...given, users: { ...given.users } }
      doors.length = 0
      members = []
      alive = await begin(plan)
      const { users } = plan
      return {
        async connect() {
          const connection = await running().connect()
          return alive ? alive.mortal.own(connection) : connection
        },
        async listen(wish) {
          const door: Door = { wish, open: await running().listen(wish) }
          doors.push(door)
          return {
            address: door.open!.address,
            async renew(tls: ListenTls) {
              door.wish = { ...door.wish, tls }
              await door.open?.renew(tls)
            },
          }
        },
        async admit(fingerprints) {
          members = fingerprints
          await alive?.broker.admit(fingerprints)
        },
        async setUser(name, spec) {
          users[name] = spec
          await alive?.broker.setUser(name, spec)
        },
        async removeUser(name) {
          delete users[name]
          await alive?.broker.removeUser(name)
        },
        deleteQueue: async (vhost, name) => running().deleteQueue(vhost, name),
        async close() {
          plan = undefined
          await starting
          const ending = alive
          alive = undefined
          await ending?.broker.close()
        },
      }
    },
    async kill() {
      const dying = alive
      if (!dying) throw new CloudError('conflict', 'The embedded message broker does not run.')
      alive = undefined
      for (const door of doors) door.open = undefined
      dying.mortal.kill()
      // The kernel ends what it was given to write before another broker reads it.
      await Promise.allSettled([...dying.files].map((file) => file.close()))
    },
    async start() {
      starting ??= restart().finally(() => {
        starting = undefined
      })
      await starting
    },
  }
}

/** Knows which files are open, so that a process that ends without closing them leaves none open in this one. */
function watched(inner: Files): { files: Files; open: ReadonlySet<OpenFile> } {
  const open = new Set<OpenFile>()
  return {
    open,
    files: {
      ...inner,
      async open(...given) {
        const file = await inner.open(...given)
        open.add(file)
        return {
          ...file,
          async close() {
            open.delete(file)
            await file.close()
          },
        }
      },
    },
  }
}

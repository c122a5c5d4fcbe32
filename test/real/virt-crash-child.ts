// An agent that ends in the middle of things: creates two guests, one after the other, and goes no further with the first
// once it has touched the host so often, then kills itself, by SIGKILL, just before as many touches for the second. Whoever
// comes after finds both as a kill would have left either. Started by virt-crash.test.ts, which says on standard input
// which guests and when; prints how often it touched the host for the second where it wasn't told to die.
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { GuestSpec } from '#drivers/virt/driver.ts'
import { loadVirtDriver } from '#drivers/virt/load.ts'
import { silentLog } from '#kit/log/log.ts'
import { realWorld } from '#kit/world/real.ts'
import type { World } from '#kit/world/world.ts'
import { talkingDisk } from './boot-image.ts'

const world = realWorld()

/** What only looks leaves the host as a kill just before the next thing that is done would find it. */
const looks = new Set<PropertyKey>([
  ...['exists', 'info', 'list', 'read', 'readText', 'readStream'],
  ...['space', 'alive', 'find', 'memory'],
])

/** A world of which each touch that changes something first asks `mayTouch`; where that says no, it doesn't come about and never answers. */
function counted(mayTouch: () => boolean): World {
  const watched = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(object, key) {
        const value: unknown = Reflect.get(object, key)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) =>
          looks.has(key) || mayTouch() ? Reflect.apply(value, object, args) : new Promise(() => {})
      },
    })
  const { files, processes, sockets } = world
  return { ...world, files: watched(files), processes: watched(processes), sockets: watched(sockets) }
}

const image = talkingDisk()
async function create(own: World, folder: string, guest: GuestSpec): Promise<void> {
  const driver = await loadVirtDriver('qemu', own, silentLog, { folder, host: 'node1', accel: 'tcg' })
  await driver.create(guest, { image: { open: async () => Readable.from([image]) } })
}

const given = await text(process.stdin)
// The test ended before it was this one's turn.
if (given === '') process.exit(0)
const { folder, guests, dieAt } = JSON.parse(given) as {
  folder: string
  guests: [GuestSpec, GuestSpec]
  dieAt: number
}
let touches = 0
await new Promise<void>((resolve, reject) => {
  const goesOn = () => {
    touches += 1
    if (touches === dieAt) resolve()
    return dieAt === 0 || touches < dieAt
  }
  create(counted(goesOn), folder, guests[0]).then(resolve, reject)
})
touches = 0
const lives = () => {
  touches += 1
  if (touches === dieAt) process.kill(process.pid, 'SIGKILL')
  return true
}
await create(counted(lives), folder, guests[1])
process.stdout.write(String(touches))
process.exit(0)

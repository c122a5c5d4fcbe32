// An agent that kills itself: creates a guest and ends, by SIGKILL, just before its n-th touch of the host.
// Started by virt-crash.test.ts; prints how often it touched the host when it wasn't told to die.
import { Readable } from 'node:stream'
import type { GuestSpec } from '#drivers/virt/driver.ts'
import { loadVirtDriver } from '#drivers/virt/load.ts'
import { silentLog } from '#kit/log/log.ts'
import { realWorld } from '#kit/world/real.ts'
import { talkingDisk } from './boot-image.ts'

const [folder, specText, dieAt] = process.argv.slice(2) as [string, string, string]
const world = realWorld()
let touches = 0

/** The same object whose every method first counts, and ends this process when its time has come. */
function counted<T extends object>(target: T): T {
  return new Proxy(target, {
    get(object, key) {
      const value: unknown = Reflect.get(object, key)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        touches += 1
        if (touches === Number(dieAt)) process.kill(process.pid, 'SIGKILL')
        return Reflect.apply(value, object, args)
      }
    },
  })
}

const mortal = {
  ...world,
  files: counted(world.files),
  processes: counted(world.processes),
  sockets: counted(world.sockets),
}
const image = talkingDisk()
const driver = await loadVirtDriver('qemu', mortal, silentLog, { folder, host: 'node1', accel: 'tcg' })
await driver.create(JSON.parse(specText) as GuestSpec, {
  image: { open: async () => Readable.from([image]) },
})
process.stdout.write(String(touches))
process.exit(0)

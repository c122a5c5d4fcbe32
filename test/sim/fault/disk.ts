// The disk of one machine is full for a while, or the databases on it are busy or fail.
import { duration, type Fault, oneOf, seconds } from './fault.ts'

export const fullDisk: Fault = (cloud, random) => {
  const machine = oneOf(random, [...cloud.hosts.map(({ name }) => name), 'controller', 'bus'])
  const lastsMs = duration(random, 200, 30_000)
  const { disk } = cloud.universe.machine(machine)
  return { words: `the disk of ${machine} is full for ${seconds(lastsMs)}`, lastsMs, end: disk.fill() }
}

/** Another process has the lock of one service's database, as a person's sqlite3 or a backup would. */
export const busyDatabase: Fault = (cloud, random) => {
  const { databases } = cloud.universe.machine('controller')
  if (databases.paths.length === 0) return { words: 'there is no database to be busy', lastsMs: 0 }
  const path = oneOf(random, databases.paths)
  const lastsMs = duration(random, 50, 20_000)
  return { words: `${path} is locked by another for ${seconds(lastsMs)}`, lastsMs, end: databases.lock(path) }
}

/** One statement fails, wherever it is in its transaction. */
export const failingStatement: Fault = (cloud, random) => {
  const nth = duration(random, 1, 500)
  const trouble = oneOf(random, ['busy', 'io', 'full'] as const)
  cloud.universe.machine('controller').databases.failStatement(nth, trouble)
  return {
    words: `statement number ${nth} from now on the controller's databases fails: ${trouble}`,
    lastsMs: 0,
  }
}

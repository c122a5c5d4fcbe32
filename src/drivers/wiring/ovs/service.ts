// Open vSwitch itself: the system's where it runs, else started in the system's own places, so that the stock tools
// find it. One user-space switch per network namespace is all that the kernel's device names allow ('ovs-netdev'),
// so clouds on one host share it; the last one to go stops what a cloud has started.
import { CloudError, fullMessage } from '#kit/errors/cloud-error.ts'
import type { Log } from '#kit/log/log.ts'
import type { Host } from './host.ts'

export type ServicePlaces = {
  /** db.sock, the daemons' pid files and each bridge's management socket. */
  runFolder: string
  databaseFile: string
  logFolder: string
}

export const systemPlaces: ServicePlaces = {
  runFolder: '/var/run/openvswitch',
  databaseFile: '/etc/openvswitch/conf.db',
  logFolder: '/var/log/openvswitch',
}

const schemaFile = '/usr/share/openvswitch/vswitch.ovsschema'
/** In the run folder, while the daemons are ours; beside the database, if that is. */
const markerName = 'started-by-nimbo'
const ownDatabase = (places: ServicePlaces) => `${places.databaseFile}.nimbo`

export function databaseSocket(places: ServicePlaces): string {
  return `${places.runFolder}/db.sock`
}

/** A daemon may end while the other starts: looked at again until both run. */
const attempts = 5
const pauseMs = 500
/** A switch of thousands of ports takes seconds; one whose database is gone waits for it for ever. */
const startTimeoutMs = 15_000

/** Starts whichever of the two daemons doesn't run. They outlive us. Returns whether anything had to be started. */
export async function startOpenVswitch(host: Host, log: Log, places: ServicePlaces): Promise<boolean> {
  let started = false
  for (let attempt = 1; ; attempt++) {
    try {
      if (!(await startMissing(host, log, places))) return started
      started = true
      if (attempt > attempts)
        throw new CloudError('unavailable', 'Open vSwitch ends as soon as it is started')
    } catch (error) {
      if (attempt >= attempts) throw error
      log.warn({ error: fullMessage(error) }, 'Open vSwitch could not be started; trying again')
      await host.world.timers.sleep(pauseMs)
    }
  }
}

/** False where both ran already. */
async function startMissing(host: Host, log: Log, places: ServicePlaces): Promise<boolean> {
  const { world } = host
  const { files } = world
  const server = await runningPid(host, places, 'ovsdb-server')
  const vswitchd = await runningPid(host, places, 'ovs-vswitchd')
  if (server !== undefined && vswitchd !== undefined) return false

  await files.makeFolder(places.runFolder, { mode: 0o755 })
  await files.makeFolder(places.logFolder, { mode: 0o755 })
  await files.makeFolder(parent(places.databaseFile), { mode: 0o755 })
  await files.write(`${places.runFolder}/${markerName}`, `${world.processes.self}\n`)
  const daemon = (name: string, args: string[]) =>
    start(
      host,
      name,
      [
        ...args,
        `--pidfile=${places.runFolder}/${name}.pid`,
        `--log-file=${places.logFolder}/${name}.log`,
        `--unixctl=${places.runFolder}/${name}.ctl`,
        '-vconsole:off',
        '--detach',
      ],
      places,
    )
  if (server === undefined) {
    if (!(await files.exists(places.databaseFile))) {
      await files.write(ownDatabase(places), '')
      await host.run('ovsdb-tool', ['create', places.databaseFile, schemaFile])
    } else if (
      (await host.run('ovsdb-tool', ['needs-conversion', places.databaseFile, schemaFile])).stdout.trim() ===
      'yes'
    )
      await host.run('ovsdb-tool', ['convert', places.databaseFile, schemaFile])
    log.info({ databaseFile: places.databaseFile }, 'starting the Open vSwitch database')
    await daemon('ovsdb-server', [places.databaseFile, `--remote=punix:${databaseSocket(places)}`])
  }
  // It may just be ending, too: without it the switch would never be up.
  await host.run('ovs-vsctl', [`--db=unix:${databaseSocket(places)}`, '--timeout=5', '--no-wait', 'init'])
  if (vswitchd === undefined) {
    log.info({ runFolder: places.runFolder }, 'starting the Open vSwitch daemon')
    await daemon('ovs-vswitchd', [`unix:${databaseSocket(places)}`])
  }
  return true
}

/** For a daemon that went away while we ran: the system's own service is the system's to start again. */
export async function reviveOpenVswitch(host: Host, log: Log, places: ServicePlaces): Promise<void> {
  if (!(await host.world.files.exists(`${places.runFolder}/${markerName}`))) return
  if (await startOpenVswitch(host, log, places))
    log.warn({}, 'Open vSwitch had gone away and was started again')
}

/** Ends the daemons if a cloud had started them, and removes their database if a cloud had made it. */
export async function stopOpenVswitch(host: Host, places: ServicePlaces): Promise<void> {
  const { files, processes, timers } = host.world
  if (!(await files.exists(`${places.runFolder}/${markerName}`))) return
  for (const name of ['ovs-vswitchd', 'ovsdb-server']) {
    const pid = await runningPid(host, places, name)
    if (pid === undefined) continue
    processes.signal(pid, 'SIGTERM')
    for (let waited = 0; processes.alive(pid) && waited < 5000; waited += 20) await timers.sleep(20)
    if (processes.alive(pid)) processes.signal(pid, 'SIGKILL')
  }
  if (await files.exists(ownDatabase(places))) {
    await files.remove(places.databaseFile)
    await files.remove(`${parent(places.databaseFile)}/.${places.databaseFile.split('/').at(-1)}.~lock~`)
    await files.remove(ownDatabase(places))
  }
  for (const name of ['ovs-vswitchd', 'ovsdb-server']) await files.remove(`${places.logFolder}/${name}.log`)
  await files.remove(`${places.runFolder}/${markerName}`)
}

/** 'system' where the kernel has Open vSwitch's datapath, else 'netdev': packets pass through the daemon. */
export async function probeDatapath(
  host: Host,
  log: Log,
  places: ServicePlaces,
): Promise<'system' | 'netdev'> {
  const { processes } = host.world
  const env = { OVS_RUNDIR: places.runFolder }
  const tryIt = async () => (await processes.run('ovs-dpctl', ['add-dp', 'nimbo-probe'], { env })).code === 0
  try {
    if (!(await tryIt())) {
      await processes.run('modprobe', ['openvswitch'])
      if (!(await tryIt())) return 'netdev'
    }
    await processes.run('ovs-dpctl', ['del-dp', 'nimbo-probe'], { env })
    return 'system'
  } catch (error) {
    log.debug({ error: fullMessage(error) }, 'no kernel datapath: the probe could not run')
    return 'netdev'
  }
}

async function runningPid(host: Host, places: ServicePlaces, name: string): Promise<number | undefined> {
  const { files, processes } = host.world
  const file = `${places.runFolder}/${name}.pid`
  if (!(await files.exists(file))) return undefined
  const pid = Number((await files.readText(file)).trim())
  const info = Number.isInteger(pid) && pid > 0 ? await processes.info(pid) : undefined
  return info?.command.some((word) => word.includes(name)) ? pid : undefined
}

async function start(host: Host, name: string, args: string[], places: ServicePlaces): Promise<void> {
  const [command, words] =
    host.hostNamespace === undefined ? [name, args] : host.inside(host.hostNamespace, name, args)
  const env = {
    OVS_RUNDIR: places.runFolder,
    OVS_LOGDIR: places.logFolder,
    OVS_DBDIR: parent(places.databaseFile),
  }
  const { run, signal } = host.world.processes
  const starting = run(command, words, { env, timeoutMs: startTimeoutMs })
  const result = await starting.catch(async (error) => {
    // What was half started would come up later, and end because nobody waits for it any more.
    const half = await runningPid(host, places, name)
    if (half !== undefined) signal(half, 'SIGKILL')
    throw error
  })
  if (result.code !== 0)
    throw new CloudError('unavailable', `Open vSwitch's ${name} could not be started`, {
      detail: `${result.stderr.trim()} (see ${places.logFolder}/${name}.log)`,
    })
}

function parent(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

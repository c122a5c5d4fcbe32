// The whole cloud in one process for tests: all services, the broker and hosts on simulated drivers, on virtual time,
// databases in memory, requests through the routers. Nothing is shared with the host but a temporary folder.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSession, type Session } from '#cli/openstack.ts'
import { loadVirtDriver, type SimVirtDriver } from '#drivers/virt/load.ts'
import { loadVolumeDriver } from '#drivers/volume/load.ts'
import { loadWiringDriver, simFabric } from '#drivers/wiring/load.ts'
import { openBus } from '#kit/bus/client.ts'
import { type Authority, openAuthority } from '#kit/certificate/authority.ts'
import { loadConfig } from '#kit/config/load.ts'
import { serviceDatabases } from '#kit/db/test-database.ts'
import { type HttpClient, httpClient } from '#kit/http/client.ts'
import type { HttpService } from '#kit/http/server.ts'
import type { JournalEvent } from '#kit/journal/journal.ts'
import { memorySink } from '#kit/journal/memory-sink.ts'
import { type OpenJournal, openJournal } from '#kit/journal/store.ts'
import { type Log, openLog, silentLog } from '#kit/log/log.ts'
import { testCost } from '#kit/password/password.ts'
import type { VirtualWorld } from '#kit/world/virtual.ts'
import { brokerHere } from '#main/broker-here.ts'
import type { BusLogin } from '#main/bus-access.ts'
import { openControlPlane } from '#main/cloud.ts'
import { type Host, startHost } from '#main/host.ts'
import { type OpenPlatform, openPlatform } from '#main/platform.ts'
import { usualPorts } from '#main/port.ts'
import { type Secrets, secretNames } from '#main/secret.ts'
import { agentSections, serviceSections } from '#main/section.ts'
import { tokensOverBus } from '#main/service-token.ts'
import { openSimMachine } from '#main/sim-machine.ts'
import type { HostSurroundings } from '#services/host/app.ts'
import { identityClient } from '#services/identity/client.ts'
import { type TestEngine, testEngine } from './test-engine.ts'
import { makeProject } from './test-project.ts'

type Sim = Awaited<ReturnType<typeof simulated>>

export type TestHost = {
  readonly name: string
  readonly machine: Sim['machine']
  readonly virt: Sim['virt']
  readonly wiring: Sim['wiring']
  readonly volume: Sim['volume']
  restart(): Promise<void>
}

export type TestCloud = {
  readonly world: VirtualWorld
  readonly platform: OpenPlatform
  readonly http: HttpClient
  readonly admin: Session
  readonly hosts: TestHost[]
  readonly services: ReadonlyMap<string, HttpService>
  events(): readonly JournalEvent[]
  /** The way to the bus of whoever knows these words. */
  lineOf(login: BusLogin): ReturnType<TestEngine['agent']>
  /** The agents of a host that joined, with what joining gave it and nothing else. */
  startJoined(name: string, login: BusLogin): Promise<TestHost & { host: Host }>
  /** A project of its own with a member, so that tests don't meet. */
  project(roles?: string[]): Promise<Session>
  /** Until nothing moves any more. */
  settle(): Promise<void>
  stop(): Promise<void>
}

type Started = Host & { readonly journal: OpenJournal }

const publicHost = 'cloud.test'
const secrets = Object.fromEntries(secretNames.map((name) => [name, `secret of ${name}`])) as Secrets

/** `filed`: databases in files, so that a test may look into them beside the services. */
export async function testCloud(
  options: { hosts?: number; seed?: number; yaml?: string; filed?: boolean } = {},
): Promise<TestCloud> {
  const names = Array.from({ length: options.hosts ?? 1 }, (_, index) => `node${index + 1}`)
  const engine = await testEngine({ seed: options.seed, name: 'controller' }, names)
  const { world } = engine
  const log: Log = process.env.NIMBO_TEST_LOG ? openLog({ level: process.env.NIMBO_TEST_LOG }) : silentLog
  const folder = mkdtempSync(join(tmpdir(), 'nimbo-cloud-'))
  const store = memorySink()
  const databases = serviceDatabases(options.filed ? folder : undefined)
  const platform = await openPlatform({
    world,
    log,
    store,
    secrets,
    openBroker: brokerHere,
    endpoint: (type) => `http://${publicHost}:${usualPorts[type]}`,
    region: 'RegionOne',
    databaseUrl: databases.urlOf,
    folder: (service) => join(folder, service),
    ...engine.plan,
  })
  const config = loadConfig([...serviceSections, ...agentSections], { yaml: options.yaml })
  const plane = await openControlPlane({
    platform,
    config,
    secrets,
    store,
    passwordCost: testCost,
    around: surroundings(world, folder, platform),
  })
  const origins = new Map([...plane.services].map(([type, service]) => [platform.endpoint(type), service]))
  const http = httpClient({ local: (origin) => origins.get(origin) })

  const fabric = simFabric()
  const hosts: (TestHost & { host: Started })[] = []
  // What a way to the bus is made of besides user and password is the same for all.
  const lineOf = (login: BusLogin) => ({ ...engine.agent(platform, names[0]!), ...login })
  const addHost = async (name: string, joined?: BusLogin) => {
    const own = join(folder, name)
    const drivers = await simulated(world, log, own, name, fabric)
    const start = () =>
      startAgents({
        world,
        log,
        platform,
        login: joined ? lineOf(joined) : engine.agent(platform, name),
        joined: joined !== undefined,
        http,
        config,
        name,
        store,
        folder: own,
        ...drivers,
      })
    const entry = {
      name,
      ...drivers,
      host: await start(),
      async restart() {
        await entry.host.stop()
        entry.host = await start()
      },
    }
    hosts.push(entry)
    return entry
  }
  for (const name of names) await addHost(name)
  await world.settle()
  const login = (username: string, password: string, project: string) =>
    openSession(http, {
      authUrl: `${platform.endpoint('identity')}/v3`,
      username,
      password,
      project,
      region: 'RegionOne',
    })
  const admin = await login('admin', secrets.admin, 'admin')
  let projects = 0
  return {
    world,
    platform,
    http,
    admin,
    hosts,
    services: plane.services as ReadonlyMap<string, HttpService>,
    events: () => store.events,
    lineOf,
    async startJoined(name, login) {
      const host = await addHost(name, login)
      await world.settle()
      return host
    },
    async settle() {
      await world.settle()
      // On a real host this takes the agent's shipping of its journal, which runs in the background.
      for (const { host } of hosts) await host.journal.flush()
    },
    async project(roles = ['member']) {
      const name = `project-${++projects}`
      await makeProject(admin, name, roles)
      return login(name, name, name)
    },
    async stop() {
      for (const { host } of hosts) await host.stop()
      await plane.stop()
      await platform.close()
      await engine.close()
      await databases.drop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Hosts may join a cloud under test; its authority is made when the first one does. */
function surroundings(world: VirtualWorld, folder: string, platform: OpenPlatform): HostSurroundings {
  let authority: Promise<Authority> | undefined
  return {
    authority() {
      authority ??= openAuthority(world, join(folder, 'tls'), 'Cloud under test')
      return authority
    },
    notJoinable: () => undefined,
    ownNames: () => [publicHost],
    grantBus: platform.grantBus,
    revokeBus: platform.revokeBus,
    admit: async (fingerprints) => platform.broker?.admit(fingerprints),
    publicFacts: () => ({ data_plane: 'sim' }),
    memberFacts: () => ({ metadata_secret: secrets['metadata-signing'] }),
    passwordSeed: secrets['host-users'],
  }
}

async function simulated(
  world: VirtualWorld,
  log: Log,
  folder: string,
  host: string,
  fabric: ReturnType<typeof simFabric>,
) {
  await world.files.makeFolder(folder)
  const machine = await openSimMachine(world, { name: host, folder, fabric, kept: false })
  return {
    machine,
    virt: (await loadVirtDriver('sim', world, log, {
      folder,
      host,
      machine: machine.guests,
    })) as SimVirtDriver,
    wiring: await loadWiringDriver('sim', world, log, { fabric, host }),
    volume: await loadVolumeDriver('sim', world, { folder: join(folder, 'volumes') }),
  }
}

async function startAgents(given: {
  world: VirtualWorld
  log: Log
  platform: OpenPlatform
  login: ReturnType<TestEngine['agent']>
  /** Its service tokens come over the bus. */
  joined: boolean
  http: HttpClient
  config: Parameters<typeof startHost>[0]['config']
  name: string
  folder: string
  store: ReturnType<typeof memorySink>
  virt: Sim['virt']
  wiring: Sim['wiring']
  volume: Sim['volume']
}): Promise<Started> {
  const { world, log, platform, login, http, config, name, folder, store, virt, wiring, volume } = given
  const journal = openJournal({ world, log, host: name, service: 'agent', sink: store })
  const bus = await openBus({
    world,
    log,
    journal,
    ...login,
    name: `agent@${name}`,
  })
  const ownTokens = () =>
    identityClient({ platform: { ...platform, http }, user: 'nova', journal: journal.as('nova-compute') })
      .serviceToken
  const serviceToken = given.joined ? tokensOverBus(world, bus, name) : ownTokens()
  const host = await startHost({
    world,
    log,
    journal,
    bus,
    http,
    host: name,
    virt,
    wiring,
    volume,
    networks: {
      physicalNetworks: { physnet1: { bridge: 'br-ex', uplink: 'eth1' } },
      tunnel: { localIp: '10.9.0.1', types: ['vxlan', 'gre'] },
    },
    endpoint: platform.endpoint,
    serviceToken,
    folder,
    metadataSecret: secrets['metadata-signing'],
    config,
  })
  return {
    ...host,
    journal,
    async stop() {
      await host.stop()
      await bus.close()
      await journal.close()
    },
  }
}

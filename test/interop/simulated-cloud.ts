// A live simulated cloud that notices soon, and what people do with it by the command line and the APIs.
import { runCommand } from '#main/command.ts'
import { type LiveCloud, prepareLiveCloud, type Said, succeeded, until, world } from './live-cloud.ts'

type Server = {
  id: string
  name: string
  status: string
  addresses: Record<string, { addr: string; 'OS-EXT-IPS:type': string }[]>
  fault?: { message: string }
  'OS-EXT-SRV-ATTR:host': string | null
}
export type Fault = { id: string; state: string; ended_by: string | null }
export type SimulatedCloud = Awaited<ReturnType<typeof openSimulatedCloud>>

/** As many hosts as get a thread of their own are many more than a test needs: what the two differ in is where they are. */
export const placesOfHosts = [
  ['in one thread', 100],
  ['with its hosts in a thread of their own', 1],
] as const

/** What isn't there by then never comes, on whatever machine. */
const hangMs = 120_000

export async function openSimulatedCloud(hosts: number, hostThreadFrom: number) {
  const cloud = await prepareLiveCloud('simulation', 'sim')
  try {
    return await fill(cloud, hosts, hostThreadFrom)
  } catch (error) {
    await cloud.destroy()
    throw error
  }
}

async function fill(cloud: LiveCloud, hosts: number, hostThreadFrom: number) {
  await world.files.makeFolder(cloud.root)
  await world.files.write(
    `${cloud.root}/nimbo.yaml`,
    [
      `cloud: { data_plane: sim, hosts: ${hosts}, host_thread_from: ${hostThreadFrom}, port_base: ${cloud.portBase} }`,
      // What takes a minute by default is to be seen within seconds.
      'compute: { service_down_time: 6s }',
      'compute_agent: { report_interval: 1s, sync_interval: 2s, stop_timeout: 3s }',
      'dhcp_agent: { reconcile_interval: 2s }',
      '',
    ].join('\n'),
  )
  succeeded(await cloud.up())
  const admin = await cloud.session('admin')
  const demo = await cloud.session('demo')
  const network = (
    await demo.call<{ networks: { id: string; name: string; 'router:external': boolean }[] }>('network', {
      path: '/v2.0/networks',
    })
  ).networks.find((each) => !each['router:external'])!.id
  const image = (await demo.call<{ images: { id: string }[] }>('image', { path: '/v2/images' })).images[0]!.id

  /** The command line without its process, which takes far longer to start than most commands to run. */
  const said = async (...args: string[]): Promise<Said> => {
    const out = { print: [] as string[], say: [] as string[] }
    const terminal = {
      print: (line: string) => void out.print.push(line),
      say: (line: string) => void out.say.push(line),
      colors: false,
    }
    const code = await runCommand([...args, '--data', cloud.root], { world, terminal, program: [] })
    const line = `nimbo ${args.join(' ')}`
    return { code, signal: null, stdout: out.print.join('\n'), stderr: out.say.join('\n'), line }
  }
  const nimbo = async (...args: string[]) => succeeded(await said(...args)).stdout.trim()
  const add = async (kind: string, ...args: string[]) => {
    const said = JSON.parse(await nimbo('fault', 'add', kind, ...args, '--json')) as { fault: Fault }
    return said.fault
  }
  const end = ({ id }: Fault) => nimbo('fault', 'end', id)
  const servers = async () =>
    (await demo.call<{ servers: Server[] }>('compute', { path: '/servers/detail' })).servers
  const server = async (id: string) =>
    (await admin.call<{ server: Server }>('compute', { path: `/servers/${id}` })).server
  const consoleOf = async (id: string) =>
    (
      await admin.call<{ output: string }>('compute', {
        method: 'POST',
        path: `/servers/${id}/action`,
        body: { 'os-getConsoleOutput': {} },
      })
    ).output
  const boot = async (name: string, host?: string) => {
    // On a host that is named nothing is tried elsewhere; only admins may name one.
    const { server: made } = await (host ? admin : demo).call<{ server: { id: string } }>('compute', {
      method: 'POST',
      path: '/servers',
      body: {
        server: {
          name,
          imageRef: image,
          flavorRef: '1',
          networks: [{ uuid: network }],
          ...(host && { availability_zone: `nova:${host}` }),
        },
      },
    })
    return made.id
  }
  const becomes = (id: string, status: string) =>
    until(
      `server is ${status}`,
      async () => {
        const shown = await server(id)
        if (shown.status === 'ERROR' && status !== 'ERROR') throw new Error(shown.fault?.message)
        return shown.status === status && shown
      },
      hangMs,
    )
  const says = (id: string, words: RegExp) =>
    until(`the console says ${words}`, async () => words.test(await consoleOf(id)), hangMs)
  const act = (id: string, action: Record<string, unknown>) =>
    admin.call('compute', { method: 'POST', path: `/servers/${id}/action`, body: action })
  const remove = async (id: string) => {
    await admin.call('compute', { method: 'DELETE', path: `/servers/${id}` })
    await until('the server is gone', async () => !(await admin.find('compute', `/servers/${id}`)))
  }
  const stateOf = async (host: string) =>
    (
      await admin.call<{ services: { state: string }[] }>('compute', {
        path: `/os-services?binary=nova-compute&host=${host}`,
      })
    ).services[0]!.state
  /** Milliseconds since the epoch. */
  const reportTimes = async () => {
    const path = '/os-services?binary=nova-compute'
    const { services } = await admin.call<{ services: { updated_at: string }[] }>('compute', { path })
    return services.map((each) => Date.parse(`${each.updated_at}Z`))
  }
  const hostIs = (host: string, state: 'up' | 'down') =>
    until(`${host} is ${state}`, async () => (await stateOf(host)) === state, hangMs)

  return {
    hostNames: Array.from({ length: hosts }, (_, index) => `node${index + 1}`),
    ...{ cloud, admin, demo, network, image, said, nimbo, add, end, servers, server, consoleOf },
    ...{ boot, becomes, says, act, remove, stateOf, reportTimes, hostIs },
  }
}

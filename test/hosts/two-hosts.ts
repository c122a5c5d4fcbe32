// A cloud on two test hosts, as its operator and its users see it: raised and joined by ./nimbo, asked by stock clients
// and over its HTTPS API, its guests entered by ssh. Logs are copied to the folder that NIMBO_TEST_LOGS names, if it does.
import { cpSync, existsSync } from 'node:fs'
import { expect } from 'vitest'
import { ed25519KeyPair, type KeyPair } from '#cli/key-pair.ts'
import { openSession, type Session } from '#cli/openstack.ts'
import { type HttpClient, httpClient } from '#kit/http/client.ts'
import { realWorld } from '#kit/world/real.ts'
import { succeeded, until } from '#test/interop/live-cloud.ts'
import { type Lab, type Machine, raiseMachines } from './machine.ts'

const world = realWorld()
const launcher = new URL('../../nimbo', import.meta.url).pathname
const data = '/var/lib/nimbo'

export type Guest = {
  id: string
  name: string
  host: string
  floating: string
  fixed: Record<string, string>
}

export type TwoHosts = {
  readonly lab: Lab
  readonly controller: Machine
  readonly joined: Machine
  readonly admin: Session
  /** The stock client on the controller, as admin. */
  openstack(...args: string[]): Promise<string>
  openstackJson<T>(...args: string[]): Promise<T>
  /** Runs in a guest, entered by its floating IP from the controller's machine. */
  inGuest(guest: Guest, script: string): Promise<string>
  consoleOf(guest: Guest): Promise<string>
  readonly key: KeyPair
  close(): Promise<string[]>
}

export async function raiseTwoHosts(): Promise<TwoHosts> {
  const lab = await raiseMachines(['node1', 'node2'])
  const [controller, joined] = lab.machines as [Machine, Machine]
  let http: HttpClient | undefined
  const close = () => {
    http?.close()
    const kept = process.env.NIMBO_TEST_LOGS
    for (const { name, folder } of lab.machines)
      if (kept && existsSync(`${folder}${data}/log`))
        cpSync(`${folder}${data}/log`, `${kept}/${name}`, { recursive: true })
    return lab.dispose()
  }
  try {
    succeeded(
      await controller.nimbo('up', '--empty', '--listen', '0.0.0.0', '--public-host', controller.address),
    )
    const login = await credentials(controller)
    http = httpClient({ ca: await world.files.readText(`${controller.folder}${login.OS_CACERT}`) })
    const admin = await openSession(http, {
      authUrl: login.OS_AUTH_URL!,
      username: login.OS_USERNAME!,
      password: login.OS_PASSWORD!,
      project: login.OS_PROJECT_NAME!,
      region: login.OS_REGION_NAME!,
    })
    const key = ed25519KeyPair(world.random.bytes(32), world.random.bytes(4), 'two-hosts')
    await world.files.write(`${lab.folder}/key`, key.privateKey, { mode: 0o600 })
    const openstack = async (...args: string[]) =>
      succeeded(await controller.run('openstack', args, { env: login, timeoutMs: 120_000 })).stdout
    return {
      lab,
      controller,
      joined,
      admin,
      openstack,
      openstackJson: async <T>(...args: string[]) => JSON.parse(await openstack(...args, '-f', 'json')) as T,
      async inGuest({ floating }, script) {
        const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'BatchMode=yes']
        const words = [...options, 'LogLevel=ERROR', 'ConnectTimeout=10'].flatMap((each) => ['-o', each])
        const args = ['-i', `${lab.folder}/key`, ...words, `cirros@${floating}`, script]
        return succeeded(await controller.run('ssh', args, { timeoutMs: 60_000 })).stdout
      },
      async consoleOf({ id }) {
        const body = { 'os-getConsoleOutput': {} }
        const path = `/servers/${id}/action`
        return (await admin.call<{ output: string }>('compute', { method: 'POST', path, body })).output
      },
      key,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** A token of one use on the controller, and the line that it prints on the other machine. */
export async function join({ controller, joined }: TwoHosts): Promise<void> {
  const said = succeeded(await controller.nimbo('token', 'create', '--json')).stdout
  const { command } = JSON.parse(said) as { command: string }
  const [program, ...words] = command.split(' ')
  expect(program).toBe('nimbo')
  succeeded(await joined.nimbo(...words))
}

/** The guest image, built once on this machine and kept in its user's cache; returns its id. */
export async function uploadImage({ lab, openstackJson }: TwoHosts): Promise<string> {
  const path = `${lab.folder}/tiny.qcow2`
  const ran = await world.processes.run(launcher, ['image', 'build-tiny', '--out', path], {
    timeoutMs: 300_000,
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '/root' },
  })
  succeeded({ ...ran, line: 'nimbo image build-tiny' })
  const { id } = await openstackJson<{ id: string }>(
    ...['image', 'create', '--disk-format', 'qcow2', '--file', path, '--public', 'tiny'],
  )
  return id
}

/** Ends the role's supervisor and the role as a crash of both would. */
export async function killAgent(machine: Machine): Promise<void> {
  for (const name of ['agent-supervisor', 'agent']) {
    const [pid] = (await machine.text('cat', `${data}/run/${name}.pid`)).split(' ')
    await machine.text('kill', '-9', pid!)
  }
}

export async function serverIs({ admin }: TwoHosts, id: string, wanted: string): Promise<void> {
  await until(
    `server ${id} is ${wanted}`,
    async () => {
      const { server } = await admin.call<{ server: { status: string; fault?: { message: string } } }>(
        'compute',
        {
          path: `/servers/${id}`,
        },
      )
      if (server.status === 'ERROR') throw new Error(`server ${id}: ${server.fault?.message}`)
      return server.status === wanted
    },
    180_000,
  )
}

async function credentials(machine: Machine): Promise<Record<string, string>> {
  const rc = await world.files.readText(`${machine.folder}${data}/admin-openrc`)
  return Object.fromEntries(
    [...rc.matchAll(/^export (\w+)='(.*)'$/gm)].map((found) => [found[1]!, found[2]!]),
  )
}

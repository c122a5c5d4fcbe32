// The cloud that is killed: one machine of namespaces with a switch of its own, on it a controller, an agent and what
// they start, two guests with Linux and one that is a boot sector, two networks and a router. At rest it is always the same,
// so that whatever is otherwise after a kill was lost or leaked.
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { ed25519KeyPair } from '#cli/key-pair.ts'
import { type Call, openSession, type Session } from '#cli/openstack.ts'
import { type HttpClient, httpClient } from '#kit/http/client.ts'
import { realWorld } from '#kit/world/real.ts'
import { type Lab, type Machine, raiseMachines } from '#test/hosts/machine.ts'
import { succeeded, until } from '#test/interop/live-cloud.ts'
import { patiently } from '#test/kill/patience.ts'
import { talkingDisk } from '#test/real/boot-image.ts'
import { tinyImage } from '#test/real/guest-image.ts'
import { brokerUrls, startOwnBroker } from './broker.ts'
import { dataFolder } from './holding.ts'

export const world = realWorld()

export type Guest = { id: string; name: string; portId: string; floatingIp: string }

export type Stage = {
  readonly machine: Machine
  readonly admin: Session
  readonly http: HttpClient
  /** Of the management API of whichever broker the cloud has. */
  readonly management: { origin: string; login: string }
  readonly ownBroker: boolean
  /** Nothing is done to it: it must not notice what happens around it. */
  readonly bystander: Guest
  /** Disks and cards come to it and go. Linux, too. */
  readonly subject: Guest
  /** Switched off and on; a boot sector. */
  readonly spare: { id: string; name: string }
  readonly images: { tiny: string; sector: string }
  readonly networks: { outer: string; inner: string; other: string }
  readonly subnets: { other: string }
  readonly routerId: string
  readonly groupId: string
  readonly volumeId: string
  /** Asks again while nobody answers, as a client does that knows that the cloud is coming back. */
  ask<T = Record<string, unknown>>(type: string, call: Call): Promise<T>
  find<T = Record<string, unknown>>(type: string, path: string): Promise<T | undefined>
  /** Polls; longer than a host's grace periods and an order that is asked again after 30 s: more is stuck. */
  until(what: string, ask: () => Promise<boolean>): Promise<boolean>
  /** SHA-512 of a file of the data folder, in hex; undefined where there is none. */
  fileHash(path: string): Promise<string | undefined>
  /** Runs in a guest by ssh to its floating IP. */
  inGuest(
    guest: Guest,
    script: string,
    connectSeconds?: number,
  ): Promise<{ code: number; stdout: string; stderr: string }>
  close(): Promise<string[]>
}

type Made = { id: string }

const boundMs = 180_000

/**
 * Shorter than they come, so that a run takes minutes: what is waited for in a kill is the same. An agent that wasn't told of
 * a change, for the controller died before it could tell, sees it at its next look.
 */
const settings = (address: string, transport: string) => `cloud:
  listen: 0.0.0.0
  public_host: ${address}
${transport}compute_agent:
  stop_timeout: 2s
  sync_interval: 10s
  orphan_grace: 5s
${['network', 'dhcp', 'l3'].map((name) => `${name}_agent: { reconcile_interval: 10s }`).join('\n')}
`

export async function raiseStage({ ownBroker = false } = {}): Promise<Stage> {
  const lab = await raiseMachines(['node1'])
  let http: HttpClient | undefined
  const close = async () => {
    http?.close()
    await keepLogs(lab)
    return lab.dispose()
  }
  try {
    const [machine] = lab.machines as [Machine]
    const root = `${machine.folder}${dataFolder}`
    await machine.text('mkdir', '-m', '711', '-p', dataFolder)
    const transport = ownBroker
      ? `  transport_url: ${brokerUrls.amqp}\n  transport_management_url: ${brokerUrls.management}\n`
      : ''
    await machine.run('tee', [`${dataFolder}/nimbo.yaml`], { input: settings(machine.address, transport) })
    if (ownBroker) await startOwnBroker(machine)
    succeeded(await machine.nimbo('up', '--empty'))
    const rc = await world.files.readText(`${root}/admin-openrc`)
    const login = Object.fromEntries(
      [...rc.matchAll(/^export (\w+)='(.*)'$/gm)].map((at) => [at[1]!, at[2]!]),
    )
    http = httpClient({ ca: await world.files.readText(`${machine.folder}${login.OS_CACERT}`) })
    const admin = await openSession(http, {
      authUrl: login.OS_AUTH_URL!,
      username: login.OS_USERNAME!,
      password: login.OS_PASSWORD!,
      project: login.OS_PROJECT_NAME!,
      region: login.OS_REGION_NAME!,
    })
    const secrets = JSON.parse(await world.files.readText(`${root}/secrets.json`)) as Record<string, string>
    const management = ownBroker
      ? { origin: `http://${machine.address}:25672`, login: 'cloudadmin:other' }
      : { origin: `https://${machine.address}:15672`, login: `nimbo:${secrets['bus-admin']}` }
    const key = ed25519KeyPair(world.random.bytes(32), world.random.bytes(4), 'kill')
    await world.files.write(`${lab.folder}/key`, key.privateKey, { mode: 0o600 })
    const furnished = await furnish(lab, admin, key.publicKey)
    return {
      machine,
      admin,
      http,
      management,
      ownBroker,
      ...furnished,
      ask: (type, call) => patiently(() => admin.call(type, call)),
      find: (type, path) => patiently(() => admin.find(type, path)),
      until: (what, ask) => until(what, ask, boundMs, 50),
      fileHash: (path) => hashOf(`${root}/${path}`),
      inGuest: ({ floatingIp }, script, seconds) => ssh(lab, machine, floatingIp, script, seconds),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function furnish(lab: Lab, admin: Session, publicKey: string) {
  const post = <T>(type: string, path: string, body: object) =>
    admin.call<T>(type, { method: 'POST', path, body })
  const networked = async <T = Made>(kind: string, body: object) =>
    (await post<Record<string, T>>('network', `/v2.0/${kind.replaceAll('_', '-')}s`, { [kind]: body }))[kind]!
  const images = {
    sector: await uploadImage(admin, 'boot-sector', 'raw', Readable.from([talkingDisk()])),
    tiny: await uploadImage(
      admin,
      'tiny',
      'qcow2',
      world.files.readStream((await tinyImage(`${lab.folder}/tiny.qcow2`)).path),
    ),
  }
  const outer = await networked('network', {
    name: 'public',
    'router:external': true,
    'provider:network_type': 'flat',
    'provider:physical_network': 'physnet1',
  })
  const outerCidr = { ip_version: 4, cidr: '172.24.4.0/24', gateway_ip: '172.24.4.1', enable_dhcp: false }
  await networked('subnet', { network_id: outer.id, ...outerCidr })
  const router = await networked('router', {
    name: 'router',
    external_gateway_info: { network_id: outer.id },
  })
  const inner = await networked('network', { name: 'inner' })
  const innerSubnet = await networked('subnet', { network_id: inner.id, ip_version: 4, cidr: '10.1.0.0/24' })
  // Its advertisements come from one more dnsmasq, in the router's namespace.
  const slaac = { ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' }
  const innerSix = { network_id: inner.id, ip_version: 6, cidr: 'fd00:1::/64', ...slaac }
  const innerSubnetSix = await networked('subnet', innerSix)
  const other = await networked('network', { name: 'other' })
  const otherSubnet = await networked('subnet', { network_id: other.id, ip_version: 4, cidr: '10.2.0.0/24' })
  const path = `/v2.0/routers/${router.id}/add_router_interface`
  for (const { id } of [innerSubnet, innerSubnetSix])
    await admin.call('network', { method: 'PUT', path, body: { subnet_id: id } })
  const group = await networked('security_group', { name: 'all' })
  await post('network', '/v2.0/security-group-rules', {
    security_group_rule: { security_group_id: group.id, direction: 'ingress', ethertype: 'IPv4' },
  })
  await post('compute', '/os-keypairs', { keypair: { name: 'key', public_key: publicKey, type: 'ssh' } })
  const boot = async (name: string, imageRef: string, flavorRef: string) => {
    const server = { name, imageRef, flavorRef, key_name: 'key', security_groups: [{ name: 'all' }] }
    const body = { server: { ...server, networks: [{ uuid: inner.id }] } }
    return { id: (await post<{ server: Made }>('compute', '/servers', body)).server.id, name }
  }
  const withAddress = async ({ id, name }: Made & { name: string }): Promise<Guest> => {
    await untilActive(admin, id)
    const path = `/v2.0/ports?device_id=${id}`
    const { ports } = await admin.call<{ ports: Made[] }>('network', { path })
    const [port] = ports
    const floating = await networked<{ floating_ip_address: string }>('floatingip', {
      floating_network_id: outer.id,
      port_id: port!.id,
    })
    return { id, name, portId: port!.id, floatingIp: floating.floating_ip_address }
  }
  const made = [await boot('bystander', images.tiny, '84'), await boot('subject', images.tiny, '84')]
  const spare = await boot('spare', images.sector, '0')
  const { volume } = await post<{ volume: Made }>('block-storage', '/volumes', {
    volume: { size: 1, name: 'disk' },
  })
  const [bystander, subject] = (await Promise.all(made.map(withAddress))) as [Guest, Guest]
  await untilActive(admin, spare.id)
  for (const { floatingIp, name } of [bystander, subject])
    await until(
      `${name} lets us in`,
      async () => (await ssh(lab, lab.machines[0]!, floatingIp, 'true')).code === 0,
      240_000,
      500,
    )
  return {
    ...{ bystander, subject, spare, images, routerId: router.id, groupId: group.id, volumeId: volume.id },
    networks: { outer: outer.id, inner: inner.id, other: other.id },
    subnets: { other: otherSubnet.id },
  }
}

async function uploadImage(admin: Session, name: string, format: string, content: Readable): Promise<string> {
  const body = { name, disk_format: format, container_format: 'bare' }
  const { id } = await admin.call<Made>('image', { method: 'POST', path: '/v2/images', body })
  const headers = { 'content-type': 'application/octet-stream' }
  await admin.call('image', { method: 'PUT', path: `/v2/images/${id}/file`, headers, body: content })
  return id
}

async function untilActive(admin: Session, id: string): Promise<void> {
  await until(`server ${id} is ACTIVE`, async () => {
    const path = `/servers/${id}`
    const { server } = await admin.call<{ server: { status: string; fault?: { message: string } } }>(
      'compute',
      { path },
    )
    if (server.status === 'ERROR') throw new Error(`server ${id}: ${server.fault?.message}`)
    return server.status === 'ACTIVE'
  })
}

function ssh(lab: Lab, machine: Machine, address: string, script: string, connectSeconds = 3) {
  const options = [
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'BatchMode=yes',
    'LogLevel=ERROR',
  ]
  const words = [...options, `ConnectTimeout=${connectSeconds}`, 'ServerAliveInterval=5'].flatMap((each) => [
    '-o',
    each,
  ])
  const args = ['-i', `${lab.folder}/key`, ...words, `cirros@${address}`, script]
  return machine.run('ssh', args, { timeoutMs: 60_000 })
}

async function hashOf(path: string): Promise<string | undefined> {
  if (!(await world.files.exists(path))) return undefined
  const hash = createHash('sha512')
  for await (const chunk of world.files.readStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

async function keepLogs(lab: Lab): Promise<void> {
  const kept = process.env.NIMBO_TEST_LOGS
  if (!kept) return
  const from = `${lab.machines[0]!.folder}${dataFolder}/log`
  await world.processes.run('cp', ['-r', from, `${kept}/kill-${lab.folder.split('/').at(-1)}`])
}

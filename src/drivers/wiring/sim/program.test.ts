// The programs of simulated namespaces do what their command lines and files say, and refuse what the real ones would.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { PortWiring } from '#contracts/network-agent.ts'
import type { CardGuest } from '#contracts/simulated-card.ts'
import { haproxyConfig } from '#kit/metadata-proxy/haproxy.ts'
import { type VirtualWorld, virtualWorld } from '#kit/world/virtual.ts'
import { openHostNetwork, simFabric } from './fabric.ts'
import { openSimWiring, type SimWiring } from './open.ts'

const networkId = 'net-1'
const guestMac = 'fa:16:3e:00:00:0a'
const otherMac = 'fa:16:3e:00:00:0b'
const namespace = 'qdhcp-net-1'
const deaf: CardGuest = { answersPing: () => true, accept: () => undefined }

const wiring = (portId: string, mac: string, deviceOwner: string): PortWiring => ({
  portId,
  networkId,
  mac,
  fixedIps: [],
  mtu: 1450,
  networkType: 'vxlan',
  physicalNetwork: null,
  segmentationId: 7,
  adminUp: true,
  deviceOwner,
  deviceId: 'd',
  portSecurityEnabled: false,
  allowedAddressPairs: [],
  securityRules: [],
  tunnelPeers: [],
  generation: 1,
})
const dhcpPort = wiring('1111111111-dhcp', 'fa:16:3e:00:00:02', 'network:dhcp')
const guestPort = wiring('2222222222-guest', guestMac, 'compute:nova')
const otherPort = wiring('3333333333-other', otherMac, 'compute:nova')

let folder: string
let world: VirtualWorld
let driver: SimWiring
const fabricOf = () => simFabric()
let fabric = fabricOf()

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nimbo-program-'))
  world = virtualWorld()
  fabric = fabricOf()
  driver = openSimWiring(world, { fabric, host: 'node1' })
  await driver.prepare({ physicalNetworks: {}, tunnel: { localIp: '10.9.0.1', types: ['vxlan'] } })
  await driver.ensureNamespace(namespace)
  await driver.plugIntoNamespace(dhcpPort, { namespace, addresses: ['10.0.0.2/24', '169.254.169.254/16'] })
  for (const port of [guestPort, otherPort]) await driver.plugPort(port, { ownerUid: 0 })
  await driver.applyWiring({
    generation: 1,
    ports: [dhcpPort, guestPort, otherPort],
    remoteGroups: {},
    tunnelPeers: [],
  })
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const cardOf = (port: PortWiring, guest: CardGuest = deaf) =>
  openHostNetwork(fabric, 'node1', world).cards.insert(
    { portId: port.portId, mac: port.mac, networkId },
    guest,
  )

describe('dnsmasq', () => {
  const args = () => [
    '--keep-in-foreground',
    `--dhcp-hostsfile=${folder}/host`,
    `--dhcp-optsfile=${folder}/opts`,
    `--dhcp-leasefile=${folder}/leases`,
    '--dhcp-range=set:subnet-s,10.0.0.0,static,255.255.255.0,600s',
    '--dhcp-option-force=option:mtu,1450',
    '--domain=openstacklocal',
    '--interface=tap1111111111-',
  ]
  const opts = [
    'tag:subnet-s,option:classless-static-route,169.254.169.254/32,10.0.0.2,0.0.0.0/0,10.0.0.1',
    'tag:subnet-s,option:router,10.0.0.1',
    'tag:subnet-s,option:dns-server,9.9.9.9',
    'tag:port-g,26,1400',
    '',
  ].join('\n')
  const start = async (hosts: string, more: string[] = []) => {
    await writeFile(`${folder}/host`, hosts)
    await writeFile(`${folder}/opts`, opts)
    const started = await driver.startIn(namespace, 'dnsmasq', [...args(), ...more], {
      logFile: `${folder}/log`,
    })
    await world.settle()
    return started
  }
  const guestLine = `${guestMac},host-10-0-0-5.openstacklocal,10.0.0.5\n`

  test('offers what its files hold for a card, and writes the lease that is taken', async () => {
    await start(guestLine)
    const card = cardOf(guestPort)
    const offer = await card.dhcp({ kind: 'discover' })
    expect(offer).toEqual({
      kind: 'offer',
      address: '10.0.0.5',
      prefix: 24,
      server: '10.0.0.2',
      leaseS: 600,
      routers: ['10.0.0.1'],
      classlessRoutes: [
        { to: '169.254.169.254/32', via: '10.0.0.2' },
        { to: '0.0.0.0/0', via: '10.0.0.1' },
      ],
      dnsServers: ['9.9.9.9'],
      mtu: 1450,
      domain: 'openstacklocal',
      hostname: 'host-10-0-0-5',
    })
    const taken = await card.dhcp({ kind: 'request', address: '10.0.0.5', server: '10.0.0.2' })
    expect(taken).toMatchObject({ kind: 'ack' })
    await world.settle()
    expect(await readFile(`${folder}/leases`, 'utf8')).toBe(
      `${Math.floor(world.clock.now() / 1000) + 600} ${guestMac} 10.0.0.5 host-10-0-0-5 01:${guestMac}\n`,
    )
  })

  test('gives options of its tags before those of all, and refuses an address that is not the card’s', async () => {
    await start(`${guestMac},set:port-g,host-10-0-0-5,10.0.0.5\n`)
    const card = cardOf(guestPort)
    expect(await card.dhcp({ kind: 'discover' })).toMatchObject({ mtu: 1400 })
    expect(await card.dhcp({ kind: 'request', address: '10.0.0.9', server: '10.0.0.2' })).toMatchObject({
      kind: 'nak',
    })
  })

  test('knows a card after SIGHUP that was written meanwhile, and not before', async () => {
    await start('')
    const card = cardOf(guestPort)
    expect(await card.dhcp({ kind: 'discover' })).toEqual({ silence: 'no DHCP server knows the card' })
    await writeFile(`${folder}/host`, guestLine)
    expect(await card.dhcp({ kind: 'discover' })).toHaveProperty('silence')
    const [process] = await driver.processes()
    await driver.signal(process!, 'SIGHUP')
    await world.settle()
    expect(await card.dhcp({ kind: 'discover' })).toMatchObject({ address: '10.0.0.5' })
  })

  test('goes on with what it knows where its files can not be read at SIGHUP, and complains', async () => {
    await start(guestLine)
    const card = cardOf(guestPort)
    await rm(`${folder}/host`)
    await mkdir(`${folder}/host`)
    const [process] = await driver.processes()
    await driver.signal(process!, 'SIGHUP')
    await world.settle()
    expect(await card.dhcp({ kind: 'discover' })).toMatchObject({ address: '10.0.0.5' })
    expect(await readFile(`${folder}/log`, 'utf8')).toMatch(/^dnsmasq: EISDIR/)
  })

  test('keeps an address from another card as long as its lease lasts, over a restart', async () => {
    await start(guestLine)
    await cardOf(guestPort).dhcp({ kind: 'request', address: '10.0.0.5', server: '10.0.0.2' })
    await world.settle()
    for (const process of await driver.processes()) await driver.signal(process, 'SIGTERM')
    await start(`${otherMac},host-10-0-0-5.openstacklocal,10.0.0.5\n`)
    const other = cardOf(otherPort)
    expect(await other.dhcp({ kind: 'discover' })).toHaveProperty('silence')
    await world.advance(601_000)
    expect(await other.dhcp({ kind: 'discover' })).toMatchObject({ address: '10.0.0.5' })
  })

  test('killed, answers nobody', async () => {
    await start(guestLine)
    for (const process of await driver.processes()) await driver.signal(process, 'SIGKILL')
    expect(await cardOf(guestPort).dhcp({ kind: 'discover' })).toEqual({
      silence: 'no DHCP server is on the network',
    })
  })

  test('ends with a complaint where it is given what it does not know', async () => {
    const started = await start(guestLine, ['--dhcp-rnage=oops'])
    expect(await started.exited).toEqual({ code: 1, signal: null })
    expect(await readFile(`${folder}/log`, 'utf8')).toContain('bad command line options: --dhcp-rnage=oops')
    expect(await driver.processes()).toEqual([])
  })
})

describe('haproxy', () => {
  const ask = async (
    lines: string[],
    config = haproxyConfig({ networkId, port: 80, socketPath: '/agent' }),
  ) => {
    await writeFile(`${folder}/conf`, config)
    const started = await driver.startIn(namespace, 'haproxy', ['-db', '-f', `${folder}/conf`], {
      logFile: `${folder}/log`,
    })
    await world.settle()
    const card = cardOf(guestPort)
    card.configure({ addresses: ['10.0.0.5/24'], routes: [{ to: '169.254.169.254/32', via: '10.0.0.2' }] })
    const answered = (async () => {
      const connection = await card.connect('169.254.169.254', 80)
      connection.write(['GET /openstack HTTP/1.1', 'Host: x', ...lines, '', ''].join('\r\n'))
      const chunks: Buffer[] = []
      for await (const chunk of connection) chunks.push(Buffer.from(chunk))
      return Buffer.concat(chunks).toString()
    })()
    return { started, answered }
  }
  const agent = () => {
    const heard: string[] = []
    const listening = world.sockets.listen({ path: '/agent' }, (connection) => {
      connection.once('data', (chunk: Buffer) => {
        heard.push(chunk.toString())
        connection.end('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nyes\n')
      })
    })
    return { heard, listening }
  }

  test('tells the agent whose network and address it was, whatever the guest said of itself (row 212)', async () => {
    const { heard, listening } = agent()
    await listening
    const spoofed = [
      'X-Forwarded-For: 10.0.0.9',
      'x-neutron-network-id: other',
      'X-Tenant-ID: t',
      'Accept: */*',
    ]
    const { answered } = await ask(spoofed)
    expect(await answered).toMatch(/^HTTP\/1\.1 200 OK.*yes\n$/s)
    expect(heard[0]!.split('\r\n').filter(Boolean)).toEqual([
      'GET /openstack HTTP/1.1',
      'Host: x',
      'Accept: */*',
      `X-Neutron-Network-ID: ${networkId}`,
      'X-Forwarded-For: 10.0.0.5',
      'Connection: close',
    ])
  })

  test('says 503 where no agent is behind it, and refuses connections to other ports', async () => {
    const { answered } = await ask([])
    expect(await answered).toContain('503 Service Unavailable')
    await expect(cardOf(guestPort).connect('169.254.169.254', 81)).rejects.toThrow('Cannot connect')
  })

  test('does not start with a configuration that it does not understand', async () => {
    const broken = `${haproxyConfig({ networkId, port: 80, socketPath: '/agent' })}\nfrontned x\n`
    const { started, answered } = await ask([], broken)
    await expect(answered).rejects.toThrow('connection refused')
    expect((await started.exited).code).toBe(1)
    expect(await readFile(`${folder}/log`, 'utf8')).toContain("unknown keyword 'frontned'")
  })
})

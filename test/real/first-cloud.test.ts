import { createHmac } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type LiveCloud, prepareLiveCloud, succeeded, until, world } from '#test/interop/live-cloud.ts'

type Row = Record<string, string>
type Demo = { serverId: string; floatingIp: string; fixedIp: string }
type Status = {
  running: boolean
  processes: { role: string; pid: number; memoryBytes: number }[]
  endpoints: Record<string, string>
  demo: Demo
  paths: Record<string, string>
}

/** The tests are one story: each goes on from where the one before it ended. */
describe('the first cloud of a host', () => {
  let cloud: LiveCloud
  let said: { stdout: string; stderr: string }
  let status: Status
  /** What was seen of this cloud on the host while it ran, by the words that would show it afterwards. */
  const traces = new Set<string>()
  beforeAll(async () => {
    expect(process.getuid?.(), 'real guests need root').toBe(0)
    cloud = await prepareLiveCloud('first', 'real')
    said = succeeded(await cloud.up())
    status = await readStatus()
  }, 900_000)
  afterAll(() => cloud?.destroy(), 120_000)

  const readStatus = async () => JSON.parse(succeeded(await cloud.nimbo('status', '--json')).stdout) as Status
  const demo = <T = Row>(...args: string[]) => cloud.json<T>('demo', ...args)
  const host = async (command: string, ...args: string[]) =>
    succeeded({ ...(await world.processes.run(command, args)), line: [command, ...args].join(' ') }).stdout
  const bridge = (name: string) => `${name}-${cloud.portBase}`
  const guestOf = async (id: string) => {
    const found = await world.processes.find([`${cloud.root}/`, id])
    return found.filter(({ command }) => command[0]!.includes('qemu-system'))
  }
  const ssh = (address: string, script: string, seconds = 30) =>
    world.processes.run(
      'ssh',
      [
        ...[
          '-i',
          status.paths.demoKey!,
          '-o',
          'StrictHostKeyChecking=no',
          '-o',
          'UserKnownHostsFile=/dev/null',
        ],
        ...['-o', 'BatchMode=yes', '-o', 'LogLevel=ERROR', '-o', `ConnectTimeout=${seconds}`],
        `cirros@${address}`,
        script,
      ],
      { timeoutMs: 120_000 },
    )
  const inGuest = async (address: string, script: string) =>
    succeeded({ ...(await ssh(address, script)), line: `ssh ${address} ${script}` }).stdout
  const sshAnswers = async (address: string) => {
    try {
      const connection = await world.sockets.connect({ host: address, port: 22 }, { timeoutMs: 3_000 })
      connection.destroy()
      return true
    } catch {
      return false
    }
  }
  /** Waited for by the API, for a client's start takes the processor that an emulated guest needs; then shown by the client. */
  const serverIs = async (name: string, wanted: string) => {
    const session = await cloud.session('demo')
    await until(
      `server ${name} is ${wanted}`,
      async () => {
        const path = `/servers/detail?name=${name}`
        const { servers } = await session.call<{ servers: Row[] }>('compute', { path })
        if (servers[0]?.status === 'ERROR') throw new Error(`${name}: ${JSON.stringify(servers[0].fault)}`)
        return servers[0]?.status === wanted
      },
      240_000,
    )
    const shown = await demo('server', 'show', name)
    expect(shown.status).toBe(wanted)
    return shown
  }
  const consoleSays = async (name: string, words: RegExp) => {
    const session = await cloud.session('demo')
    const { servers } = await session.call<{ servers: Row[] }>('compute', { path: `/servers?name=${name}` })
    const asked = {
      method: 'POST',
      path: `/servers/${servers[0]!.id}/action`,
      body: { 'os-getConsoleOutput': {} },
    }
    await until(
      `the console of ${name} says ${words}`,
      async () => words.test((await session.call<{ output: string }>('compute', asked)).output),
      240_000,
    )
    return cloud.text('demo', 'console', 'log', 'show', name)
  }

  test('is raised by one command, which says where everything is', async () => {
    expect(status.running).toBe(true)
    expect(status.processes.map((each) => each.role).sort()).toEqual(['agent', 'controller'])
    expect(said.stdout).toContain(`http://127.0.0.1:${cloud.portBase}/v3`)
    expect(said.stdout).toContain(status.paths.adminOpenrc)
    expect(said.stdout).toContain(`ssh -i ${status.paths.demoKey}`)
    expect(said.stdout).toContain(status.demo.floatingIp)
    expect(said.stderr).toContain('console of hello')
    for (const secret of [status.paths.adminOpenrc!, status.paths.cloudsYaml!, status.paths.demoKey!])
      expect((await world.files.info(secret))!.mode & 0o077, secret).toBe(0)
  })

  test('lets its key in through the floating IP, into a guest that knows its name', async () => {
    expect(await inGuest(status.demo.floatingIp, 'hostname; sudo id -un')).toBe('hello\nroot\n')
    const inside = await inGuest(status.demo.floatingIp, 'ip -4 addr show eth0; ip route')
    expect(inside).toContain(status.demo.fixedIp)
    expect(inside).toMatch(/mtu 1450/)
    const stranger = await world.processes.run('ssh', [
      ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'BatchMode=yes'],
      ...['-o', 'IdentitiesOnly=yes', '-i', '/dev/null', `cirros@${status.demo.floatingIp}`, 'true'],
    ])
    expect(stranger.stderr).toContain('Permission denied (publickey)')
  })

  test('shows the boot on the console log, its data from the metadata service or the config drive', async () => {
    const text = await consoleSays('hello', /hello login: *$/m)
    expect(text).toContain(`udhcpc: eth0 lease of ${status.demo.fixedIp} obtained`)
    expect(text).toMatch(/=== datasource: (ec2 net|config-drive)/)
  })

  test('explains the boot in 29 steps, none missing', async () => {
    const traced = succeeded(await cloud.nimbo('trace', 'server', 'hello', '--json'))
    const { phases } = JSON.parse(traced.stdout) as {
      phases: { name: string; steps: { number: number; title: string; missing?: true; outcome?: string }[] }[]
    }
    const steps = phases.flatMap((phase) => phase.steps)
    expect(phases).toHaveLength(4)
    expect(steps.map((step) => step.number)).toEqual(Array.from({ length: 29 }, (_, index) => index + 1))
    expect(steps.filter((step) => step.missing || step.outcome === 'error')).toEqual([])
  })

  // It boots while what follows is looked at.
  test('takes a second guest with user data', async () => {
    const script = `${cloud.folder}/user-data`
    writeFileSync(script, '#!/bin/sh\necho "user data ran on $(hostname)"\n')
    await cloud.text(
      'demo',
      ...['server', 'create', '--flavor', 'm1.micro', '--image', 'tiny', '--network', 'private'],
      ...['--key-name', 'demo-key', '--user-data', script, 'peer'],
    )
  })

  test('lays a guest out as row 116 says: a raw base, an overlay that keeps the differences', async () => {
    const disk = `${cloud.root}/instances/${status.demo.serverId}/disk`
    const info = JSON.parse(await host('qemu-img', 'info', '-U', '--output=json', disk)) as {
      format: string
      'cluster-size': number
      'backing-filename': string
      'backing-filename-format': string
      'format-specific': { data: { compat: string; 'lazy-refcounts': boolean } }
    }
    expect(info).toMatchObject({
      format: 'qcow2',
      'cluster-size': 65_536,
      'backing-filename-format': 'raw',
      'format-specific': { data: { compat: '1.1', 'lazy-refcounts': false } },
    })
    expect(info['backing-filename']).toMatch(/\/_base\/[0-9a-f]{40}$/)
    expect(
      JSON.parse(await host('qemu-img', 'info', '-U', '--output=json', info['backing-filename'])),
    ).toMatchObject({
      format: 'raw',
    })
  })

  test('wires the host as rows 171-182 say, for the stock tools to see', async () => {
    const [port] = await demo<Row[]>('port', 'list', '--server', 'hello')
    const tap = `tap${port!.ID!.slice(0, 11)}`
    const network = await demo('network', 'show', 'private')
    const router = await demo('router', 'show', 'router')
    const shown = await host('ovs-vsctl', 'show')
    for (const name of ['br-int', 'br-tun', 'br-ex']) expect(shown).toContain(`Bridge ${bridge(name)}`)
    expect(shown).toMatch(new RegExp(`Port ${tap}\\s+tag: \\d+`))
    const described = await host('ovs-ofctl', '-O', 'OpenFlow14', 'show', bridge('br-int'))
    expect(described).toContain(tap)
    const flows = await host('ovs-ofctl', '-O', 'OpenFlow14', 'dump-flows', bridge('br-int'))
    expect(flows).toMatch(/cookie=0x[0-9a-f]+, .*table=0, n_packets=\d+.*priority=\d+,.* actions=/)
    expect(flows).toContain('ct(')
    expect(flows).toContain(port!['MAC Address'])
    const namespaces = await host('ip', 'netns', 'list')
    for (const name of [`qdhcp-${network.id}`, `qrouter-${router.id}`]) {
      expect(namespaces).toContain(name)
      traces.add(name)
    }
    const [dhcp] = await cloud.json<Row[]>(
      'admin',
      'port',
      'list',
      '--device-owner',
      'network:dhcp',
      '--network',
      network.id!,
    )
    const inside = await host('ip', 'netns', 'exec', `qdhcp-${network.id}`, 'ip', 'addr')
    expect(inside).toContain(`tap${dhcp!.ID!.slice(0, 11)}`)
    expect(inside).toContain('mtu 1450')
    const [dnsmasq] = await world.processes.find(['dnsmasq', network.id!])
    expect(await host('ip', 'netns', 'identify', String(dnsmasq!.pid))).toBe(`qdhcp-${network.id}\n`)
    for (const each of [tap, bridge('br-int'), bridge('br-tun'), bridge('br-ex')]) traces.add(each)
  })

  test('answers the debugging script of row 221 on the metadata port', async () => {
    const { 'metadata-signing': secret } = JSON.parse(
      readFileSync(`${cloud.root}/secrets.json`, 'utf8'),
    ) as Row
    const { serverId } = status.demo
    const { projectId } = await cloud.session('demo')
    const curl = (file: string, signature: string) =>
      host(
        ...([
          'curl',
          ...['-sL', '-H', `X-Instance-ID: ${serverId}`, '-H', `X-Instance-ID-Signature: ${signature}`],
          ...['-H', `X-Tenant-ID: ${projectId}`, `${status.endpoints.metadata}/openstack/latest/${file}`],
        ] as [string, ...string[]]),
      )
    const signature = createHmac('sha256', secret!).update(serverId).digest('hex')
    expect(JSON.parse(await curl('meta_data.json', signature))).toMatchObject({
      uuid: serverId,
      name: 'hello',
    })
    expect(JSON.parse(await curl('network_data.json', signature))).toMatchObject({ links: [{ mtu: 1450 }] })
    expect(await curl('meta_data.json', '0'.repeat(64))).toMatch(/Invalid proxy request signature/)
  })

  test('gives a console page that answers', async () => {
    const { url } = await demo('console', 'url', 'show', '--novnc', 'hello')
    const page = await fetch(url!)
    expect(page.status).toBe(200)
    expect(await page.text()).toContain('<main id="screen">')
  })

  test('changes nothing when it is asked to come up again, and says so', async () => {
    const again = succeeded(await cloud.up())
    expect(again.stdout).toContain('nothing was changed')
    expect((await readStatus()).processes.map((each) => each.pid)).toEqual(
      status.processes.map((each) => each.pid),
    )
  })

  test('runs the user data in the second guest, which a rule alone makes reachable', async () => {
    await serverIs('peer', 'ACTIVE')
    expect(await consoleSays('peer', /user-data ended: 0/)).toContain('user data ran on peer')

    const peer = await demo<{ addresses: Record<string, string[]> }>('server', 'show', 'peer')
    const fixed = peer.addresses.private![0]!
    const floating = (await demo('floating', 'ip', 'create', 'public')).floating_ip_address!
    await cloud.text('demo', 'server', 'add', 'floating', 'ip', 'peer', floating)
    const fromHello = async () => (await ssh(status.demo.floatingIp, `ping -c 1 -W 2 ${fixed}`)).code === 0
    // Its own group lets only its members in; hello is in another.
    expect(await fromHello()).toBe(false)
    expect(await sshAnswers(floating)).toBe(false)

    await cloud.text('demo', 'server', 'add', 'security', 'group', 'peer', 'ssh-and-ping')
    await until('hello reaches peer by its fixed IP', fromHello, 120_000)
    await until('peer answers through its floating IP', () => sshAnswers(floating), 120_000)
    expect(
      await inGuest(floating, `hostname; ping -c 1 -W 2 ${status.demo.fixedIp} > /dev/null && echo pong`),
    ).toBe('peer\npong\n')
  })

  test('adopts the guests that ran on while it was down', async () => {
    const [before] = await guestOf(status.demo.serverId)
    expect(succeeded(await cloud.nimbo('down')).stdout).toContain('The cloud is down.')
    expect((await cloud.nimbo('status')).code).toBe(3)
    expect(await inGuest(status.demo.floatingIp, 'hostname')).toBe('hello\n')
    succeeded(await cloud.up())
    const after = await guestOf(status.demo.serverId)
    expect(after.map((each) => [each.pid, each.startTicks])).toEqual([[before!.pid, before!.startTicks]])
    await serverIs('hello', 'ACTIVE')
    expect(await cloud.text('demo', 'console', 'log', 'show', 'hello')).toContain('hello login:')
    expect(await inGuest(status.demo.floatingIp, 'hostname')).toBe('hello\n')
  })

  test('keeps what a guest wrote on a volume beyond the guest', async () => {
    const words = 'these bytes outlive their server'
    await inGuest(
      status.demo.floatingIp,
      `printf '${words}' | sudo dd of=/dev/vdb bs=512 seek=7 conv=sync 2> /dev/null; sync`,
    )
    await cloud.text('demo', 'server', 'delete', '--wait', 'hello')
    expect(await guestOf(status.demo.serverId)).toEqual([])
    const session = await cloud.session('demo')
    await until('the volume is free', async () => {
      const { volumes } = await session.call<{ volumes: Row[] }>('block-storage', { path: '/volumes/detail' })
      return volumes.find(({ name }) => name === 'hello-data')?.status === 'available'
    })
    await cloud.text('demo', 'server', 'add', 'volume', 'peer', 'hello-data')
    const list = await demo<Row[]>('floating', 'ip', 'list')
    const floating = list.find((row) => row['Fixed IP Address'])!['Floating IP Address']!
    const read = await until('peer sees the disk', async () => {
      const ran = await ssh(floating, 'sudo dd if=/dev/vdb bs=512 skip=7 count=1 2> /dev/null')
      return ran.stdout.startsWith(words) && ran.stdout
    })
    expect(read.slice(0, words.length)).toBe(words)
    await cloud.text('demo', 'server', 'remove', 'volume', 'peer', 'hello-data')
    await until(
      'the disk is gone from peer',
      async () => (await ssh(floating, 'test ! -e /dev/vdb')).code === 0,
    )
  })

  test('is destroyed without a trace', async () => {
    for (const row of await demo<Row[]>('port', 'list')) traces.add(`tap${row.ID!.slice(0, 11)}`)
    succeeded(await cloud.nimbo('destroy', '--yes'))
    expect(await world.files.exists(cloud.root)).toBe(false)
    expect((await world.processes.find([`${cloud.root}`])).map((each) => each.command.join(' '))).toEqual([])
    const left = await host('ip', '-o', 'link')
    const namespaces = await host('ip', 'netns', 'list')
    const bridges = await world.processes.run('ovs-vsctl', ['--timeout=60', 'list-br'])
    for (const trace of traces) {
      expect(left).not.toContain(trace)
      expect(namespaces).not.toContain(trace)
      expect(bridges.stdout).not.toContain(trace)
    }
  })
})

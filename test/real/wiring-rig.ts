// Two hosts for the Open vSwitch driver: each a network namespace with its own switch, joined by a cable, with Python to
// send what may pass. Needs root; nothing of it touches the host's own switch or addresses.
import type { Packet, Rig } from '#drivers/wiring/conformance.ts'
import type { PrepareOptions, WiringDriver } from '#drivers/wiring/driver.ts'
import { type OvsOptions, openOvsWiring } from '#drivers/wiring/ovs/open.ts'
import { openLog } from '#kit/log/log.ts'
import { realWorld } from '#kit/world/real.ts'
import { clearDeadRuns, runName } from './run-name.ts'

export const world = realWorld()
export const log = openLog({ level: 'warn' })
export const tunnelIps: [string, string] = ['10.9.0.1', '10.9.0.2']

/** An ICMP echo by hand, for there may be no ping; exits 0 when the answer came. */
const pingScript = `
import os, socket, struct, sys
to, source = sys.argv[1], sys.argv[2]
six = ':' in to
s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW, 58 if six else 1)
if source: s.bind((source, 0))
s.settimeout(0.7)
ident = os.getpid() & 0xffff
kind, answer = (128, 129) if six else (8, 0)
body = struct.pack('!BBHHH', kind, 0, 0, ident, 1) + b'nimbo-wiring'
if not six:
    total = sum(struct.unpack('!%dH' % (len(body) // 2), body))
    total = (total >> 16) + (total & 0xffff)
    total += total >> 16
    body = body[:2] + struct.pack('!H', ~total & 0xffff) + body[4:]
try:
    s.sendto(body, (to, 0))
    while True:
        got, who = s.recvfrom(2000)
        reply = got if six else got[(got[0] & 15) * 4:]
        if reply[0] == answer and struct.unpack('!H', reply[4:6])[0] == ident: sys.exit(0)
except OSError:
    sys.exit(1)
`
const connectScript = `
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=0.9)
s.sendall(b'x' * 4000)
s.shutdown(socket.SHUT_WR)
total = 0
while True:
    part = s.recv(65536)
    if not part: break
    total += len(part)
sys.exit(0 if total == 4000 else 1)
`
const echoScript = `
import socket, sys, threading
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('', int(sys.argv[1]))); s.listen(16)
def serve(c):
    while True:
        part = c.recv(65536)
        if not part: break
        c.sendall(part)
    c.close()
while True:
    c, _ = s.accept()
    threading.Thread(target=serve, args=(c,), daemon=True).start()
`

export async function must(command: string, ...args: string[]): Promise<string> {
  const result = await world.processes.run(command, args)
  if (result.code !== 0) throw new Error(`${command} ${args.join(' ')}: ${result.stderr}`)
  return result.stdout
}

export type RealRig = Rig & {
  hosts: [string, string]
  cloudId: string
  options(host: 0 | 1): OvsOptions
  prepare(host: 0 | 1): PrepareOptions
}

export async function makeRig(): Promise<RealRig> {
  await clearDeadRuns()
  const id = runName()
  const namespacePrefix = `nbv${id}-`
  const hosts: [string, string] = [`nbw${id}a`, `nbw${id}b`]
  const folder = `/tmp/nimbo-wiring-${id}`
  for (const host of hosts) {
    await must('ip', 'netns', 'add', host)
    await must('ip', '-n', host, 'link', 'set', 'lo', 'up')
  }
  for (const cable of ['eth1', 'eth2'])
    await must(
      'ip',
      '-n',
      hosts[0],
      'link',
      'add',
      cable,
      'type',
      'veth',
      'peer',
      'name',
      cable,
      'netns',
      hosts[1],
    )
  for (const host of [0, 1] as const) {
    await must('ip', '-n', hosts[host], 'addr', 'add', `${tunnelIps[host]}/24`, 'dev', 'eth1')
    await must('ip', '-n', hosts[host], 'link', 'set', 'eth1', 'up')
  }
  const place = (host: 0 | 1) => `${folder}/${host}`
  const options = (host: 0 | 1): OvsOptions => ({
    cloudId: `test-${id}`,
    dataFolder: `${place(host)}/data`,
    hostNamespace: hosts[host],
    places: {
      runFolder: `${place(host)}/run`,
      databaseFile: `${place(host)}/db/conf.db`,
      logFolder: `${place(host)}/log`,
    },
  })
  const prepare = (host: 0 | 1): PrepareOptions => ({
    physicalNetworks: { physnet1: { bridge: 'br-ex', uplink: 'eth2', address: `172.24.4.${host + 1}/24` } },
    tunnel: {
      localIp: tunnelIps[host],
      types: ['vxlan', 'gre'],
      underlay: { bridge: 'br-phy' },
    },
  })
  const open = async (host: 0 | 1): Promise<WiringDriver> => {
    const driver = await openOvsWiring(world, log, options(host))
    await driver.prepare(prepare(host))
    return driver
  }
  const drivers: [WiringDriver, WiringDriver] = [await open(0), await open(1)]
  return {
    hosts,
    cloudId: `test-${id}`,
    namespacePrefix,
    options,
    prepare,
    drivers,
    tunnelIps,
    async reopen(host) {
      await drivers[host].close()
      return open(host)
    },
    async passes({ fromNamespace, toIp, protocol, port, asIp }: Packet) {
      if (asIp)
        await must(
          'ip',
          '-n',
          fromNamespace,
          'addr',
          'replace',
          `${asIp}/24`,
          'dev',
          await deviceIn(fromNamespace),
        )
      return protocol === 'icmp'
        ? ping(fromNamespace, toIp, asIp)
        : python(fromNamespace, connectScript, toIp, String(port))
    },
    async listen(host, namespace, port) {
      const args = ['-c', echoScript, String(port), `${place(host)}/data`]
      await drivers[host].startIn(namespace, '/usr/bin/python3', args, { logFile: `${folder}/listen.log` })
      const word = `:${port.toString(16).toUpperCase()} `
      while (!(await must('ip', 'netns', 'exec', namespace, 'cat', '/proc/net/tcp')).includes(word))
        await world.timers.sleep(10)
    },
    async inventory(host) {
      const links = await linksOf(hosts[host])
      const namespaces = (await must('ip', 'netns', 'list'))
        .split('\n')
        .filter((name) => name.startsWith(namespacePrefix))
      const processes = (await world.processes.find([`${place(host)}/`])).map((one) => one.command.join(' '))
      return [...links.filter((name) => !['lo', 'eth1', 'eth2'].includes(name)), ...namespaces, ...processes]
    },
    async patient(check) {
      for (let left = 40; left > 0; left--) if (await check()) return true
      return false
    },
    async dispose() {
      for (const driver of drivers) {
        await driver.destroyAll().catch(() => {})
        await driver.close()
      }
      for (const found of await world.processes.find([`${folder}/`]))
        world.processes.signal(found.pid, 'SIGKILL')
      for (const name of (await must('ip', 'netns', 'list')).split('\n').map((line) => line.split(' ')[0]!))
        if (hosts.includes(name)) await must('ip', 'netns', 'del', name)
      await world.files.removeTree(folder)
    },
  }
}

export async function python(namespace: string, script: string, ...args: string[]): Promise<boolean> {
  return (
    (await world.processes.run('ip', ['netns', 'exec', namespace, '/usr/bin/python3', '-c', script, ...args]))
      .code === 0
  )
}

export function ping(namespace: string, toIp: string, asIp = ''): Promise<boolean> {
  return python(namespace, pingScript, toIp, asIp)
}

export async function linksOf(namespace: string): Promise<string[]> {
  return (JSON.parse(await must('ip', '-n', namespace, '-j', 'link')) as { ifname: string }[]).map(
    (link) => link.ifname,
  )
}

export async function deviceIn(namespace: string): Promise<string> {
  return (await linksOf(namespace)).find((name) => name !== 'lo')!
}

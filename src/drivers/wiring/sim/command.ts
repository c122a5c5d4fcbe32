// Programs that agents run in namespaces and wait for: `ip`, `nft`, `conntrack`, `tee`, as far as the agents use them.
// Anything else is refused as the real program or the shell would, so that nothing passes here that would fail there.

import { parseInterface } from '#kit/net/cidr.ts'
import type { RunResult } from '#kit/world/world.ts'
import { readRuleset } from './nat.ts'
import type { SimNamespace, SimRoute } from './state.ts'

/** Commands that are remembered for tests. */
const mostCommands = 100

export function runCommand(
  namespace: SimNamespace,
  command: string,
  args: readonly string[],
  input: string,
): RunResult {
  namespace.commands.push([command, ...args])
  if (namespace.commands.length > mostCommands) namespace.commands.shift()
  switch (command) {
    case 'true':
    case 'tee':
      return done()
    case 'ip':
      return runIp(namespace, args, input)
    case 'nft': {
      if (args.join(' ') !== '-f -') return failed(1, `unknown arguments: ${args.join(' ')}`)
      const read = readRuleset(namespace.nat, input)
      if ('error' in read) return failed(1, read.error)
      namespace.nat = read.nat
      return done()
    }
    case 'conntrack':
      // No connection is remembered beyond its packets.
      return failed(1, '0 flow entries have been deleted.')
    default:
      return failed(127, `${command}: not found`)
  }
}

const done = (stdout = ''): RunResult => ({ code: 0, signal: null, stdout, stderr: '' })
const failed = (code: number, stderr: string): RunResult => ({ code, signal: null, stdout: '', stderr })

function runIp(namespace: SimNamespace, args: readonly string[], input: string): RunResult {
  const version = args.includes('-6') ? 6 : 4
  const words = args.filter((word) => !/^-([46j]|force)$/.test(word))
  if (words[0] === '-batch') {
    const failures = input
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => runIp(namespace, [`-${version}`, ...line.trim().split(/\s+/)], ''))
      .filter(({ code }) => code !== 0)
    // With -force it goes on after a line that fails, and says so in the end.
    return failures.length === 0 || args.includes('-force') ? done() : failures[0]!
  }
  if (words[0] === 'addr' && words[1] === 'show')
    return done(JSON.stringify(shownAddresses(namespace, version)))
  if (words[0] === 'link' && words[1] === 'set')
    return namespace.devices.has(words[3]!) ? done() : failed(1, `Cannot find device "${words[3]}"`)
  if (words[0] !== 'route') return failed(255, `Object "${words[0]}" is unknown, try "ip help".`)
  return runRoute(namespace, version, words.slice(1))
}

function runRoute(namespace: SimNamespace, version: 4 | 6, [verb, ...words]: string[]): RunResult {
  const after = (name: string) => {
    const at = words.indexOf(name)
    return at < 0 ? undefined : words[at + 1]
  }
  const ofVersion = (route: SimRoute) => (route.via ?? route.to).includes(':') === (version === 6)
  const to = words[0] === 'default' ? (version === 6 ? '::/0' : '0.0.0.0/0') : words[0]
  const protocol = after('proto')
  const keepOthers = () => {
    namespace.routes = namespace.routes.filter((route) => route.to !== to || !ofVersion(route))
  }
  if (verb === 'show') {
    const shown = namespace.routes.filter((route) => ofVersion(route) && route.protocol === protocol)
    return done(
      JSON.stringify(
        shown.map((route) => ({
          dst: /^(0\.0\.0\.0|::)\/0$/.test(route.to) ? 'default' : route.to,
          gateway: route.via,
          dev: route.device,
        })),
      ),
    )
  }
  if (verb === 'flush' || verb === 'del') {
    keepOthers()
    return done()
  }
  const via = after('via')
  if (verb !== 'replace' || !to || !via)
    return failed(255, `Command "${verb}" is unknown, try "ip route help".`)
  const device = after('dev') ?? deviceTowards(namespace, via)
  if (device === undefined) return failed(2, 'Error: Nexthop has invalid gateway.')
  keepOthers()
  namespace.routes.push({ to, via, device, ...(protocol !== undefined && { protocol }) })
  return done()
}

/** Whose wire the next hop is on. */
function deviceTowards(namespace: SimNamespace, via: string): string | undefined {
  return onWire(namespace, via)?.device
}

export function onWire(namespace: SimNamespace, address: string) {
  for (const port of namespace.devices.values())
    if (port.addresses.some((own) => covers(own, address))) return port
  return undefined
}

/** '10.0.0.2/24' covers what its prefix does. */
export function covers(own: string, address: string): boolean {
  const mine = interfaceOf(own)
  const other = interfaceOf(address)
  if (!mine || !other || mine.version !== other.version) return false
  const bits = BigInt((mine.version === 4 ? 32 : 128) - mine.prefix)
  return mine.value >> bits === other.value >> bits
}

/** Parsed once: a router asks of each packet which of its wires has the address. */
const parsed = new Map<string, { version: 4 | 6; value: bigint; prefix: number } | undefined>()
const mostParsed = 50_000

export function interfaceOf(text: string) {
  if (parsed.has(text)) return parsed.get(text)
  const read = parseInterface(text)
  const result = read && { version: read.ip.version, value: read.ip.value, prefix: read.prefix }
  if (parsed.size >= mostParsed) parsed.clear()
  parsed.set(text, result)
  return result
}

function shownAddresses(namespace: SimNamespace, version: 4 | 6) {
  return [...namespace.devices.values()].map(({ device, addresses }) => ({
    ifname: device,
    addr_info: addresses
      .filter((text) => text.includes(':') === (version === 6))
      .map((text) => {
        const [local, prefix] = text.split('/')
        return { family: version === 6 ? 'inet6' : 'inet', local, prefixlen: Number(prefix) }
      }),
  }))
}

// The host's devices through `ip`: taps, veth pairs, addresses. Everything we make carries an alias that says whose it is.
// `hostNamespace` lets a test play a whole host inside a network namespace.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { RunOptions, RunResult, World } from '#kit/world/world.ts'

export type Link = {
  name: string
  mtu: number
  mac: string
  alias: string
  up: boolean
  kind: string
}

/** An address of a device of the host. */
export type Card = { name: string; mac: string; address: string; prefix: number }

export type Host = {
  world: World
  hostNamespace: string | undefined
  /** Runs and demands success. */
  run(command: string, args: readonly string[], options?: RunOptions): Promise<RunResult>
  /** The same, where the host's devices are. */
  runHere(command: string, args: readonly string[], options?: RunOptions): Promise<RunResult>
  /** `ip` commands, one a line, in one process; in a namespace, or the host's own. */
  ipBatch(lines: readonly string[], namespace?: string): Promise<void>
  link(name: string, namespace?: string): Promise<Link | undefined>
  links(namespace?: string): Promise<Link[]>
  /** With prefix, link-local ones of IPv6 left out. */
  addresses(device: string, namespace?: string): Promise<string[]>
  /** One for each address that a device has. */
  cards(): Promise<Card[]>
  /** The next hop to an address; undefined where it is on a wire of this host. */
  gatewayTo(address: string): Promise<string | undefined>
  /** A command line that runs inside a namespace. */
  inside(namespace: string, command: string, args: readonly string[]): [string, string[]]
}

export function openHost(world: World, hostNamespace?: string): Host {
  const target = (namespace: string | undefined) => {
    const name = namespace ?? hostNamespace
    return name === undefined ? [] : ['-n', name]
  }
  const run: Host['run'] = async (command, args, options) => {
    const result = await world.processes.run(command, args, options)
    if (result.code !== 0) {
      throw new CloudError('internal', `'${command}' failed on this host`, {
        detail: `${command} ${args.join(' ')}: ${(result.stderr || result.stdout).trim()} (input: ${options?.input ?? ''})`,
      })
    }
    return result
  }
  const read = async (args: string[]): Promise<unknown[]> => {
    const result = await world.processes.run('ip', args)
    if (result.code !== 0) {
      if (/does not exist|Cannot open network namespace|No such|unreachable/.test(result.stderr)) return []
      throw new CloudError('internal', `'ip' failed on this host`, {
        detail: `${args.join(' ')}: ${result.stderr}`,
      })
    }
    return result.stdout.trim() === '' ? [] : JSON.parse(result.stdout)
  }
  const inside: Host['inside'] = (namespace, command, args) => [
    'ip',
    ['netns', 'exec', namespace, command, ...args],
  ]
  return {
    world,
    hostNamespace,
    run,
    runHere: (command, args, options) =>
      hostNamespace === undefined
        ? run(command, args, options)
        : run(...inside(hostNamespace, command, args), options),
    async ipBatch(lines, namespace) {
      if (lines.length > 0)
        await run('ip', [...target(namespace), '-batch', '-'], { input: `${lines.join('\n')}\n` })
    },
    async link(name, namespace) {
      return (await read([...target(namespace), '-j', '-d', 'link', 'show', 'dev', name])).map(toLink)[0]
    },
    async links(namespace) {
      return (await read([...target(namespace), '-j', '-d', 'link', 'show'])).map(toLink)
    },
    async addresses(device, namespace) {
      const found = (await read([...target(namespace), '-j', 'addr', 'show', 'dev', device])) as {
        addr_info?: { local: string; prefixlen: number; scope: string; family: string }[]
      }[]
      return (found[0]?.addr_info ?? [])
        .filter((one) => !(one.family === 'inet6' && one.scope === 'link'))
        .map((one) => `${one.local}/${one.prefixlen}`)
    },
    async cards() {
      const devices = (await read([...target(undefined), '-j', 'addr', 'show'])) as AddressText[]
      return devices.flatMap(({ ifname, address = '', addr_info = [] }) =>
        addr_info.map((one) => ({ name: ifname, mac: address, address: one.local, prefix: one.prefixlen })),
      )
    },
    async gatewayTo(address) {
      const routes = (await read([...target(undefined), '-j', 'route', 'get', address])) as RouteText[]
      return routes[0]?.gateway
    },
    inside,
  }
}

type LinkText = {
  ifname: string
  mtu: number
  address?: string
  ifalias?: string
  flags: string[]
  linkinfo?: { info_kind?: string }
}

type AddressText = {
  ifname: string
  address?: string
  addr_info?: { local: string; prefixlen: number }[]
}
type RouteText = { gateway?: string }

function toLink(given: unknown): Link {
  const text = given as LinkText
  return {
    name: text.ifname,
    mtu: text.mtu,
    mac: text.address ?? '',
    alias: text.ifalias ?? '',
    up: text.flags.includes('UP'),
    kind: text.linkinfo?.info_kind ?? '',
  }
}

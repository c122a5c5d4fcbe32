// Where the brokers are: a transport URL as operators of OpenStack write it, and the way from one broker to the next.
import { CloudError, fullMessage } from '../errors/cloud-error.ts'
import type { Connection, ConnectTls, World } from '../world/world.ts'

export type Transport = {
  /** At least one. */
  addresses: readonly { host: string; port: number }[]
  secure: boolean
  user: string
  password: string
  vhost: string
}

const schemes: Record<string, { secure: boolean }> = {
  rabbit: { secure: false },
  amqp: { secure: false },
  'rabbit+tls': { secure: true },
  amqps: { secure: true },
}
const usualPort = { plain: 5672, secure: 5671 }
/** Of a broker whose machine is away nothing comes back at all. */
const connectMs = 4_000

/**
 * 'rabbit://user:password@n1:5672,n2:5672/vhost', also with the user before each host as oslo.messaging has it, `?ssl=1`,
 * and names percent-encoded. No path or '/' alone is virtual host '/'. Throws 'badRequest' in words without the URL.
 */
export function parseTransportUrl(text: string): Transport {
  const parts = /^([a-z+]+):\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(text)
  if (!parts) throw wrong('it has the form rabbit://USER:PASSWORD@HOST:PORT,HOST:PORT/VHOST')
  const [, scheme, authority, path = '', query = ''] = parts
  const known = schemes[scheme!]
  if (!known) throw wrong(`its scheme is one of ${Object.keys(schemes).join(', ')}`)
  const ssl = new URLSearchParams(query).get('ssl')
  const secure = known.secure || ssl === '1' || ssl === 'true'
  const logins = new Set<string>()
  const addresses = authority!.split(',').map((each) => {
    const at = each.lastIndexOf('@')
    if (at >= 0) logins.add(each.slice(0, at))
    return addressOf(each.slice(at + 1), secure ? usualPort.secure : usualPort.plain)
  })
  const [login, another] = logins
  if (login === undefined) throw wrong('it names a user and a password')
  if (another !== undefined) throw wrong('all of its hosts are entered by one user and password')
  const colon = login.indexOf(':')
  if (colon < 0) throw wrong('it names a password')
  return {
    addresses,
    secure,
    user: decoded(login.slice(0, colon)),
    password: decoded(login.slice(colon + 1)),
    vhost: decoded(path) || '/',
  }
}

/**
 * Connects to one broker after another: in an order of this process's own, so that not all ask the same one, and after each
 * loss from the next one on. Rejects when none was there.
 */
export function connectToAny(
  world: World,
  { addresses, secure }: Pick<Transport, 'addresses' | 'secure'>,
  tls: ConnectTls = {},
): () => Promise<Connection> {
  const order = shuffled(world, addresses)
  let next = 0
  return async () => {
    const failures: string[] = []
    for (let tries = 0; tries < order.length; tries++) {
      const address = order[next++ % order.length]!
      try {
        return await world.sockets.connect(address, { timeoutMs: connectMs, ...(secure && { tls }) })
      } catch (error) {
        failures.push(`${address.host}:${address.port}: ${fullMessage(error)}`)
      }
    }
    throw new CloudError('unavailable', `No message broker answers: ${failures.join('; ')}`)
  }
}

function shuffled<T>(world: World, given: readonly T[]): T[] {
  const items = [...given]
  for (let last = items.length - 1; last > 0; last--) {
    const other = world.random.int(0, last + 1)
    ;[items[last], items[other]] = [items[other]!, items[last]!]
  }
  return items
}

function addressOf(text: string, port: number): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text)
  const given = match?.[3] === undefined ? port : Number(match[3])
  if (!match || given < 1 || given > 65_535) throw wrong('each of its hosts is HOST or HOST:PORT')
  return { host: (match[1] ?? match[2])!, port: given }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    throw wrong('it is percent-encoded', error)
  }
}

/** The URL holds a password: complaints don't show it. */
function wrong(rule: string, cause?: unknown): CloudError {
  return new CloudError('badRequest', `The transport URL is not usable: ${rule}`, { cause })
}

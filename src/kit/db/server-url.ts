// The URL of a database on a server: postgres://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME, and mysql:// for MariaDB and
// MySQL. Several hosts are one database, of a cluster. What is said of it anywhere leaves the password out.
import { CloudError } from '../errors/cloud-error.ts'

export type ServerAddress = { readonly host: string; readonly port: number }

export type ServerUrl = {
  readonly dialect: 'postgres' | 'mysql'
  readonly user: string
  readonly password: string
  /** Tried in order, from the one that answered last. A host that begins with '/' is a Unix socket. */
  readonly addresses: readonly ServerAddress[]
  /** Empty where the URL names none. */
  readonly database: string
  /** TLS with a certificate that is checked, by the file's authorities or else by those whom the machine trusts. */
  readonly tls?: { readonly authorityFile?: string }
  /** Connections of one process to one database. */
  readonly connections: number
}

/** postgresql+psycopg2:// and mysql+pymysql:// are how OpenStack's own configuration writes them. */
const form =
  /^(?:(postgres)(?:ql)?|(mysql)|(mariadb))(?:\+\w+)?:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/
const usualPort = { postgres: 5432, mysql: 3306 }
const defaultConnections = 8
const mostConnections = 200
const words = 'postgres://USER:PASSWORD@HOST:PORT/NAME or mysql://USER:PASSWORD@HOST:PORT/NAME'

export function isServerUrl(url: string): boolean {
  return /^(postgres(ql)?|mysql|mariadb)(\+\w+)?:/.test(url)
}

/** Throws 'badRequest' in words without the URL, which holds a password. */
export function parseServerUrl(url: string): ServerUrl {
  const parts = form.exec(url)
  if (!parts) throw refused(`has the form ${words}`)
  const [, postgres, , , user = '', password = '', hosts = '', name = '', query = ''] = parts
  const dialect = postgres ? 'postgres' : 'mysql'
  const options = new URLSearchParams(query)
  const socket = options.get('socket')
  const tls = readTls(options)
  const connections = Number(options.get('connections') ?? defaultConnections)
  if (!Number.isInteger(connections) || connections < 1 || connections > mostConnections)
    throw refused(`takes connections from 1 to ${mostConnections}`)
  for (const key of options.keys())
    if (!['socket', 'tls', 'ssl_ca', 'charset', 'connections'].includes(key))
      throw refused(`knows socket, tls, ssl_ca and connections, and no ${key}`)
  return {
    dialect,
    user: decode(user),
    password: decode(password),
    addresses: socket
      ? [{ host: socket, port: 0 }]
      : hosts.split(',').map((host) => readAddress(host, usualPort[dialect])),
    database: decode(name),
    ...(tls && { tls }),
    connections,
  }
}

/** For people: 'postgres://nimbo@db1:5432,db2:5432/nimbo_compute'. */
export function showServerUrl({ dialect, user, addresses, database }: ServerUrl): string {
  const hosts = addresses.map(({ host, port }) => (port === 0 ? host : `${host}:${port}`)).join()
  return `${dialect}://${user}@${hosts}/${database}`
}

function readAddress(text: string, usual: number): ServerAddress {
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text)
  if (!parts) throw refused(`has the form ${words}`)
  return { host: (parts[1] ?? parts[2])!, port: Number(parts[3] ?? usual) }
}

function readTls(options: URLSearchParams): ServerUrl['tls'] {
  const authorityFile = options.get('ssl_ca')
  const wish = options.get('tls') ?? (authorityFile ? 'on' : 'off')
  if (wish !== 'on' && wish !== 'off') throw refused('takes tls=on or tls=off')
  if (wish === 'off') return undefined
  return authorityFile ? { authorityFile } : {}
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    throw refused('has a percent sign that stands for nothing', error)
  }
}

function refused(why: string, cause?: unknown): CloudError {
  return new CloudError('badRequest', `The URL of a database ${why}.`, { cause })
}

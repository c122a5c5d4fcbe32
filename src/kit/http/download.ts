// Fetches what a user names from elsewhere, without being led astray: only allowed schemes, hosts and ports, each name
// resolved once and the checked address connected to, all of it anew for each redirect.
import * as http from 'node:http'
import type { Readable } from 'node:stream'
import { asError, CloudError } from '../errors/cloud-error.ts'
import { parseAddress } from '../net/address.ts'
import { cidrHas, parseCidr } from '../net/cidr.ts'
import { reservedFor } from '../net/reserved.ts'
import type { World } from '../world/world.ts'

export type DownloadRules = {
  /** Names and addresses: 'images.example.org', '*.example.org', '*' for all; nothing else is asked. */
  hosts: readonly string[]
  ports: readonly number[]
  /** Prefixes of reserved addresses that may be asked all the same: '10.20.0.0/16'. */
  reserved: readonly string[]
}

export type Downloading = {
  /** Bytes of the whole, where the server says so. */
  sizeBytes: number | undefined
  /** Destroy it when nobody reads it to its end. */
  stream: Readable
}

export type HttpDownload = {
  /** Throws 'badRequest' where the rules refuse the URL by its text, before anybody is asked. */
  allow(url: string): void
  /** Kinds: 'badRequest' refused by the rules, 'notFound', 'badGateway' another answer, 'unavailable' no answer. */
  open(url: string, options?: { range?: { start: number; end: number } }): Promise<Downloading>
  /** Bytes by the headers alone; undefined where nothing is there. */
  size(url: string): Promise<number | undefined>
}

const mostRedirects = 5
const answerMs = 30_000
/** A server that sends nothing for this long is given up. */
const stallMs = 60_000
const usualPorts: Record<string, number> = { 'http:': 80, 'https:': 443 }

export function httpDownload(world: World, rules: DownloadRules): HttpDownload {
  const exempt = rules.reserved.map((text) => {
    const net = parseCidr(text)
    if (!net) throw new CloudError('badRequest', `'${text}' is no prefix of addresses`)
    return net
  })

  const read = (text: string): URL => {
    const refuse = (why: string) =>
      new CloudError('badRequest', `The URL ${shown(text)} may not be asked: ${why}.`, { type: 'RefusedUrl' })
    let url: URL
    try {
      url = new URL(text)
    } catch {
      throw refuse('it is malformed')
    }
    const usual = usualPorts[url.protocol]
    if (usual === undefined) throw refuse(`its scheme is neither http nor https`)
    if (url.username !== '' || url.password !== '') throw refuse('it holds a user name or a password')
    const port = Number(url.port || usual)
    if (!rules.ports.includes(port)) throw refuse(`port ${port} is not allowed`)
    const host = hostOf(url)
    if (!rules.hosts.some((pattern) => matches(pattern, host))) throw refuse(`host ${host} is not allowed`)
    return url
  }

  /** The addresses of a name, all of them checked: one bad one means that somebody plays tricks. */
  const resolve = async (host: string): Promise<string> => {
    const found = parseAddress(host) ? [host] : await world.sockets.resolve(host)
    const [first] = found
    if (first === undefined) throw new CloudError('unavailable', `The name ${host} has no address`)
    for (const text of found) {
      const ip = parseAddress(text)
      const word = ip ? reservedFor(ip) : 'unreadable'
      if (word !== undefined && !(ip && exempt.some((net) => net.version === ip.version && cidrHas(net, ip))))
        throw new CloudError('badRequest', `Host ${host} may not be asked: its address ${text} is ${word}.`, {
          type: 'RefusedUrl',
        })
    }
    return first
  }

  const ask = async (method: string, url: URL, headers: Record<string, string>) => {
    const host = hostOf(url)
    const secure = url.protocol === 'https:'
    const port = Number(url.port || usualPorts[url.protocol])
    const connection = await world.sockets.connect(
      { host: await resolve(host), port },
      { timeoutMs: answerMs, ...(secure && { tls: { serverName: host } }) },
    )
    return new Promise<http.IncomingMessage>((settle, reject) => {
      const fail = (error: unknown) => {
        cancel()
        connection.destroy()
        reject(new CloudError('unavailable', `No answer from ${url.host}`, { cause: asError(error) }))
      }
      const cancel = world.timers.after(answerMs, () => fail(new Error('no answer in time')))
      const request = http.request({
        method,
        path: url.pathname + url.search,
        headers: { host: url.host, accept: '*/*', 'accept-encoding': 'identity', ...headers },
        createConnection: () => connection as never,
      })
      request.once('error', fail)
      request.once('response', (response) => {
        cancel()
        response.once('close', () => connection.destroy())
        settle(response)
      })
      request.end()
    })
  }

  const follow = async (method: string, text: string, headers: Record<string, string> = {}) => {
    let url = read(text)
    for (let hops = 0; hops <= mostRedirects; hops++) {
      const response = await ask(method, url, headers)
      const status = response.statusCode ?? 0
      const { location } = response.headers
      if (status < 300 || status >= 400 || location === undefined) return response
      response.destroy()
      const next = read(new URL(location, url).href)
      if (url.protocol === 'https:' && next.protocol !== 'https:')
        throw new CloudError('badRequest', `${url.host} leads from https to http`, { type: 'RefusedUrl' })
      url = next
    }
    throw new CloudError('badGateway', `${shown(text)} redirects more than ${mostRedirects} times`)
  }

  const accepted = (text: string, response: http.IncomingMessage, wanted: number) => {
    const status = response.statusCode ?? 0
    if (status === wanted) return
    response.destroy()
    if (status === 404 || status === 410)
      throw new CloudError('notFound', `There is nothing at ${shown(text)}`)
    throw new CloudError('badGateway', `${shown(text)} answers ${status}, not ${wanted}`)
  }

  return {
    allow: (text) => void read(text),
    async open(text, { range } = {}) {
      const headers = range && { range: `bytes=${range.start}-${range.end}` }
      const response = await follow('GET', text, headers)
      accepted(text, response, range ? 206 : 200)
      return { sizeBytes: lengthOf(response), stream: watched(world, response) }
    },
    async size(text) {
      const response = await follow('HEAD', text)
      const status = response.statusCode ?? 0
      response.destroy()
      if (status === 404 || status === 410) return undefined
      accepted(text, response, 200)
      return lengthOf(response) ?? 0
    },
  }
}

/** Fails where nothing arrives for a minute, and where less arrives than was announced. */
function watched(world: World, response: http.IncomingMessage): Readable {
  let cancel = () => {}
  const wait = () => {
    cancel()
    cancel = world.timers.after(stallMs, () => response.destroy(new Error('the server sends nothing')), {
      background: true,
    })
  }
  wait()
  response.on('data', wait)
  response.pause()
  response.once('close', () => cancel())
  return response
}

function lengthOf(response: http.IncomingMessage): number | undefined {
  const text = response.headers['content-length']
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
}

function matches(pattern: string, host: string): boolean {
  const wanted = pattern.toLowerCase()
  if (wanted === '*') return true
  return wanted.startsWith('*.') ? host.endsWith(wanted.slice(1)) : host === wanted
}

/** A query may hold a key. */
function shown(text: string): string {
  const cut = text.split(/[?#]/, 1)[0]!
  return cut.replace(/\/\/[^/@]*@/, '//').slice(0, 200)
}

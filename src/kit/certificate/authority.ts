// A certificate authority in one folder: made once, signs what its owner orders. Its key never leaves the folder.
import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { CloudError } from '../errors/cloud-error.ts'
import type { World } from '../world/world.ts'
import {
  type AuthorityFiles,
  authorityConfig,
  certificateTime,
  leafExtensions,
  makeKey,
  makeRequest,
  openssl,
  subject,
  type Usage,
} from './openssl.ts'

export type Order = {
  /** PKCS #10 in PEM; it proves that its sender has the key, and counts for nothing else. */
  request: string
  /** At most 64 characters. */
  commonName: string
  usage: Usage
  /** Names and addresses by which a server is called. */
  names?: readonly string[]
  validMs: number
}

export type Authority = {
  /** PEM. */
  readonly certificate: string
  /** Of the authority's certificate, for whoever is to trust it: SHA-256 of its DER, in base64url. */
  readonly fingerprint: string
  /** A certificate in PEM. Kind 'badRequest' for a request that isn't one, or not signed by its own key. */
  issue(order: Order): Promise<string>
}

const dayMs = 86_400_000
const validYears = 10
/** Clocks of hosts differ a little: what was signed just now must not look signed tomorrow. */
const backdatedMs = 300_000
const mostRequestBytes = 8_192

/** Makes the authority where there is none; `name` is how it is called then. */
export async function openAuthority(world: World, folder: string, name: string): Promise<Authority> {
  const files: AuthorityFiles = {
    certificate: `${folder}/ca.pem`,
    key: `${folder}/ca.key`,
    config: `${folder}/ca.cnf`,
    index: `${folder}/index.txt`,
    issued: `${folder}/issued`,
  }
  if (!(await world.files.exists(files.certificate))) await make(world, folder, files, name)
  const certificate = await world.files.readText(files.certificate)
  let last: Promise<unknown> = Promise.resolve()
  return {
    certificate,
    fingerprint: fingerprintOf(certificate),
    issue(order) {
      // One at a time: openssl keeps the list of what it signed in a file without a lock.
      const next = last.then(() => sign(world, folder, files, order))
      last = next.catch(() => {})
      return next
    },
  }
}

/** SHA-256 of the certificate in DER, base64url. */
export function fingerprintOf(pem: string): string {
  return Buffer.from(read(pem).fingerprint256.replaceAll(':', ''), 'hex').toString('base64url')
}

/** Milliseconds since the epoch at which the certificate ends. */
export function endOf(pem: string): number {
  return Date.parse(read(pem).validTo)
}

/** True where a server is called by the name or address in this certificate. */
export function isNamedIn(pem: string, name: string): boolean {
  const certificate = read(pem)
  return (isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name)) !== undefined
}

function read(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (error) {
    throw new CloudError('badRequest', 'This is no certificate in PEM', { cause: error })
  }
}

async function make(world: World, folder: string, files: AuthorityFiles, name: string): Promise<void> {
  await world.files.makeFolder(files.issued)
  await world.files.write(files.config, authorityConfig(files))
  await world.files.write(files.index, '')
  await makeKey(world, files.key)
  const request = `${folder}/ca.csr`
  await world.files.write(request, await makeRequest(world, files.key, name))
  const until = world.clock.now() + validYears * 365.25 * dayMs
  const fresh = `${files.certificate}.new`
  await openssl(world, [
    ...['ca', '-config', files.config, '-batch', '-notext', '-selfsign', '-keyfile', files.key],
    ...['-in', request, '-extensions', 'root', '-out', fresh, ...validity(world, until)],
  ])
  await world.files.remove(request)
  await world.files.chmod(fresh, 0o644)
  // Last: whoever finds it finds the rest as well.
  await world.files.rename(fresh, files.certificate)
}

async function sign(world: World, folder: string, files: AuthorityFiles, order: Order): Promise<string> {
  const { request, commonName, usage, names = [], validMs } = order
  const text = request.trim()
  const whole = /^-----BEGIN CERTIFICATE REQUEST-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE REQUEST-----$/
  if (text.length > mostRequestBytes || !whole.test(text)) throw refusal()
  // Written anew each time: the folder may have been moved since.
  await world.files.write(files.config, authorityConfig(files))
  const work = `${folder}/order-${world.random.hexId()}`
  await world.files.makeFolder(work)
  try {
    await world.files.write(`${work}/request.pem`, `${text}\n`)
    await world.files.write(`${work}/extensions.cnf`, leafExtensions(usage, names))
    const verified = await world.processes.run('openssl', [
      'req',
      '-in',
      `${work}/request.pem`,
      '-noout',
      '-verify',
    ])
    // The exit code says nothing of it before OpenSSL 3.2.
    if (verified.code !== 0 || !/verify OK/.test(verified.stderr + verified.stdout))
      throw refusal(verified.stderr.trim())
    await openssl(world, [
      ...['ca', '-config', files.config, '-batch', '-notext', '-in', `${work}/request.pem`],
      ...['-subj', subject(commonName), '-extfile', `${work}/extensions.cnf`, '-extensions', 'leaf'],
      ...['-out', `${work}/certificate.pem`, ...validity(world, world.clock.now() + validMs)],
    ])
    return await world.files.readText(`${work}/certificate.pem`)
  } finally {
    await world.files.removeTree(work)
  }
}

function validity(world: World, until: number): string[] {
  return ['-startdate', certificateTime(world.clock.now() - backdatedMs), '-enddate', certificateTime(until)]
}

function refusal(detail?: string): CloudError {
  return new CloudError('badRequest', 'The signing request is not one, or not signed by its own key', {
    detail,
  })
}

// The openssl program, which Debian keeps in order for us: Node itself reads certificates but makes none.
// Arguments and configurations are built by pure functions; what is secret goes by files, never on a command line.
import { generateKeyPairSync } from 'node:crypto'
import { isIP } from 'node:net'
import { CloudError } from '../errors/cloud-error.ts'
import type { World } from '../world/world.ts'

/** A `host` is both: it asks the controller, and opens doors to it. */
export type Usage = 'server' | 'client' | 'host'

/** Where an authority keeps its things. */
export type AuthorityFiles = {
  certificate: string
  key: string
  config: string
  index: string
  issued: string
}

export async function openssl(world: World, args: readonly string[]): Promise<{ stdout: string }> {
  const ran = await world.processes.run('openssl', args, { env: { LC_ALL: 'C.UTF-8' } })
  if (ran.code === 0) return ran
  throw new CloudError('internal', `openssl ${args[0]} failed`, { detail: ran.stderr.trim() })
}

/** A new key of P-256 in a file for the owner alone. */
export async function makeKey(world: World, path: string): Promise<void> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  await world.files.write(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
}

/** A signing request (PKCS #10, PEM) for the key. What it says of its holder is for people; the authority decides. */
export async function makeRequest(world: World, keyPath: string, commonName: string): Promise<string> {
  return (await openssl(world, ['req', '-new', '-key', keyPath, '-subj', subject(commonName)])).stdout
}

/** `name` is a host's or a cloud's: letters, digits, dots, dashes, underscores, blanks. */
export function subject(commonName: string): string {
  if (!/^[A-Za-z0-9. _-]{1,64}$/.test(commonName))
    throw new CloudError('badRequest', `A certificate can't be made for the name '${commonName}'`)
  return `/CN=${commonName}`
}

/** For `openssl ca`: what is signed is what we say, and nothing that a request wishes for. */
export function authorityConfig(files: AuthorityFiles): string {
  return `[ca]
default_ca = authority
[authority]
database = ${files.index}
new_certs_dir = ${files.issued}
certificate = ${files.certificate}
private_key = ${files.key}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
copy_extensions = none
[any]
commonName = supplied
[root]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
`
}

const purposes = { server: 'serverAuth', client: 'clientAuth', host: 'serverAuth,clientAuth' }

export function leafExtensions(usage: Usage, names: readonly string[]): string {
  const lines = [
    'basicConstraints = critical,CA:FALSE',
    'keyUsage = critical,digitalSignature',
    `extendedKeyUsage = ${purposes[usage]}`,
    'subjectKeyIdentifier = hash',
    'authorityKeyIdentifier = keyid',
  ]
  if (names.length > 0) lines.push('subjectAltName = @names')
  const sections = names.map(
    (name, index) => `${isIP(name) ? 'IP' : 'DNS'}.${index + 1} = ${checkedName(name)}`,
  )
  return `[leaf]\n${lines.join('\n')}\n${names.length > 0 ? `[names]\n${sections.join('\n')}\n` : ''}`
}

/** OpenSSL's own form: YYYYMMDDHHMMSSZ. */
export function certificateTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`
}

/** Anything else could begin another line or section of the configuration. */
function checkedName(name: string): string {
  if (isIP(name) || /^(\*\.)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(name)) return name
  throw new CloudError('badRequest', `'${name}' is neither an address nor a host's name`)
}

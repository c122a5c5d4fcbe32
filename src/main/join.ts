// How a machine becomes a host of a cloud elsewhere. Each step may be done again: `nimbo join` that was cut off goes on
// where it is asked again with the same token.
import { fingerprintOf } from '#kit/certificate/authority.ts'
import { makeKey, makeRequest } from '#kit/certificate/openssl.ts'
import { CloudError, type ErrorKind, statusOf } from '#kit/errors/cloud-error.ts'
import { type HttpClient, httpClient, type Response } from '#kit/http/client.ts'
import type { World } from '#kit/world/world.ts'
import { formatYaml } from '#kit/yaml/yaml.ts'
import { type Cloud, dataFolder, prepareFolder, readCloud } from './data-folder.ts'
import { type Member, type MemberTransport, memberFiles, writeMember } from './member.ts'
import type { Ports } from './port.ts'

export type JoinWish = {
  controller: { host: string; port: number }
  token: string
  /** Of the cloud's authority, from the token. */
  fingerprint: string
  name: string
  localIp?: string
  underlay?: string
  version: string
}

export type CloudFacts = { id: string; region: string; data_plane: 'real' | 'sim'; port_base: number }
type Given = {
  host: { name: string }
  certificate: string
  authority: string
  bus: { user: string; password: string }
  cloud: CloudFacts & { ports: Ports; metadata_secret: string; transport?: MemberTransport }
}

const timeoutMs = 60_000

/** The cloud's authority, if it is the one that the token names. Nothing of the token has been said by then. */
export async function fetchAuthority(wish: Pick<JoinWish, 'controller' | 'fingerprint'>): Promise<string> {
  const http = httpClient({ unverified: true })
  try {
    const answer = await http.request({ method: 'GET', url: `${originOf(wish)}/v1/authority`, timeoutMs })
    const { authority } = (answer.body ?? {}) as { authority?: unknown }
    if (answer.status !== 200 || typeof authority !== 'string')
      throw new CloudError('badGateway', `${originOf(wish)} answers, but not as a controller of Nimbo.`)
    if (fingerprintOf(authority) !== wish.fingerprint)
      throw new CloudError(
        'forbidden',
        `${originOf(wish)} belongs to another cloud than this token, or somebody stands in between: nothing was sent.`,
      )
    return authority
  } finally {
    http.close()
  }
}

/** The controller under its own certificate, and what anybody may know of its cloud. */
export async function askController(
  wish: JoinWish,
  authority: string,
): Promise<{ http: HttpClient; facts: CloudFacts }> {
  const http = httpClient({ ca: authority })
  try {
    const answer = await http.request({ method: 'GET', url: `${originOf(wish)}/v1/cloud`, timeoutMs })
    return { http, facts: (succeeded(answer).body as { cloud: CloudFacts }).cloud }
  } catch (error) {
    http.close()
    const { host } = wish.controller
    if (!(error instanceof CloudError) || !isNameMismatch(error)) throw error
    throw new CloudError(
      'unavailable',
      `The controller's certificate isn't for '${host}': join by a name that it has, or add this one to ` +
        'cloud.tls_names in its nimbo.yaml.',
      { cause: error },
    )
  }
}

/** A folder for an agent alone, its key in it. False where an earlier attempt had begun it. */
export async function prepareMemberFolder(
  world: World,
  root: string,
  wish: JoinWish,
  facts: CloudFacts,
): Promise<boolean> {
  const folder = dataFolder(root)
  const fresh = await prepareFolder(world, folder, true)
  const files = memberFiles(root)
  await world.files.makeFolder(folder.tls)
  if (!(await world.files.exists(files.key))) {
    await makeKey(world, `${files.key}.new`)
    await world.files.rename(`${files.key}.new`, files.key)
  }
  if (!(await world.files.exists(folder.config)))
    await world.files.writeAtomic(folder.config, configFile(wish, facts))
  return fresh
}

/** Becomes a member. The file that says so is written last. */
export async function becomeMember(
  world: World,
  root: string,
  http: HttpClient,
  wish: JoinWish,
  address: string,
): Promise<Cloud> {
  const files = memberFiles(root)
  const { token, name, version, controller } = wish
  const request = await makeRequest(world, files.key, name)
  const answer = await http.request({
    method: 'POST',
    url: `${originOf(wish)}/v1/hosts`,
    body: { join: { token, name, request, address, version } },
    timeoutMs,
  })
  const given = succeeded(answer).body as Given
  await world.files.writeAtomic(files.authority, given.authority, { mode: 0o644 })
  await world.files.writeAtomic(files.certificate, given.certificate, { mode: 0o644 })
  const member: Member = {
    host: given.host.name,
    controller: controller.host,
    cloudId: given.cloud.id,
    ports: given.cloud.ports,
    bus: given.bus,
    metadataSecret: given.cloud.metadata_secret,
    ...(given.cloud.transport && { transport: given.cloud.transport }),
  }
  await writeMember(world, root, member)
  return readCloud(world, root)
}

function originOf({ controller: { host, port } }: Pick<JoinWish, 'controller'>): string {
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** The controller's own words, with its kind of refusal. */
function succeeded(answer: Response): Response {
  if (answer.status < 300) return answer
  const { message } = (answer.body as { error?: { message?: string } } | undefined)?.error ?? {}
  const kinds = Object.keys(statusOf) as ErrorKind[]
  const kind = kinds.find((each) => statusOf[each] === answer.status) ?? 'badGateway'
  throw new CloudError(kind, message ?? `The controller answered ${answer.status}.`, { type: 'JoinRefused' })
}

function isNameMismatch({ cause }: CloudError): boolean {
  return (cause as { code?: unknown } | undefined)?.code === 'ERR_TLS_CERT_ALTNAME_INVALID'
}

function configFile({ localIp, underlay }: JoinWish, facts: CloudFacts): string {
  const agent = { ...(localIp && { local_ip: localIp }), ...(underlay && { underlay }) }
  const settings = {
    cloud: { data_plane: facts.data_plane, region: facts.region, port_base: facts.port_base },
    ...(Object.keys(agent).length > 0 && { agent }),
  }
  return `# How this host belongs to its cloud; written when it joined, yours to edit. 'nimbo down' and 'up' put it in force.\n${formatYaml(settings)}`
}

// What makes a machine a member: a certificate, a user of the bus, a service user; and what members ask for later.
import { createHash, createHmac, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { hostUserPrefix } from '#contracts/host.ts'
import { endOf } from '#kit/certificate/authority.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Trace } from '#kit/journal/journal.ts'
import type { HostApp, HostContext } from '../app.ts'
import type { Host } from '../resources/host.ts'
import * as store from '../store/host.ts'
import { useToken } from '../store/join-token.ts'
import { memberNamed } from './host.ts'
import { judgeToken } from './join-token.ts'
import { rememberMembers } from './membership.ts'
import { finishRemoval } from './removal.ts'

export type Join = { token: string; name: string; request: string; address: string; version: string }
export type Joined = {
  host: Host
  certificate: string
  authority: string
  bus: { user: string; password: string }
}

/** May be asked again with the same token and key, where the answer got lost on its way. */
export async function joinHost(context: HostContext, join: Join): Promise<Joined> {
  const { app, trace } = context
  const { db, world, around } = app
  const token = await judgeToken(app, join.token, join.name)
  const problem = around.notJoinable()
  if (problem) throw new CloudError('conflict', problem, { type: 'NotJoinable' })
  refuseForeignName(join.name, around.ownNames())
  const { certificate, key } = await sign(app, join.name, join.request)
  // The name is free, or was taken by this very token's first use.
  if (token.usedAt === null) await refuseTakenName(app, trace, join.name, token.hostName, key)
  if (!(await useToken(db, token.id, { at: world.clock.now(), by: join.name, key })))
    throw new CloudError('unauthorized', 'This join token has been used: ask for a new one.')
  const at = { trace, token: await app.serviceToken(trace) }
  const password = servicePassword(app, join.name)
  const userId = await app.peers.putServiceUser(at, serviceUser(join.name), password)
  const bus = await around.grantBus(join.name)
  const host: Host = {
    name: join.name,
    address: join.address,
    version: join.version,
    certificateFingerprint: fingerprint(certificate),
    certificateUntil: endOf(certificate),
    keyFingerprint: key,
    userId,
    joinedAt: world.clock.now(),
    removedAt: null,
  }
  await db.transaction((tx) => store.putHost(tx, host))
  // Switched off when an earlier release removed a host of this name.
  for (const { host: backend, disabled } of await app.peers.volumeServices(at, join.name))
    if (disabled) await app.peers.changeVolumeService(at, backend, { disabled: false })
  await rememberMembers(app)
  context.journal.record(trace, {
    kind: 'decision',
    name: 'host.join',
    subject: `host:${join.name}`,
    data: { tokenId: token.id, address: join.address, version: join.version },
  })
  app.log.info({ host: join.name, address: join.address, tokenId: token.id }, 'a host joined the cloud')
  return { host, certificate, authority: (await around.authority()).certificate, bus }
}

export async function renewCertificate(app: HostApp, name: string, request: string) {
  await memberNamed(app, name)
  const { certificate } = await sign(app, name, request)
  await store.updateHost(app.db, name, {
    certificateFingerprint: fingerprint(certificate),
    certificateUntil: endOf(certificate),
  })
  await rememberMembers(app)
  return { certificate, authority: (await app.around.authority()).certificate }
}

export function serviceUser(host: string): string {
  return `${hostUserPrefix}${host}`
}

/** Made anew from the seed whenever it is needed, and stored nowhere. */
export function servicePassword(app: HostApp, host: string): string {
  return createHmac('sha256', app.around.passwordSeed).update(serviceUser(host)).digest('base64url')
}

async function sign(app: HostApp, commonName: string, request: string) {
  const authority = await app.around.authority()
  const validMs = app.config.certificateLife
  const certificate = await authority.issue({
    request,
    commonName,
    usage: 'host',
    names: [commonName],
    validMs,
  })
  const { publicKey } = new X509Certificate(certificate)
  const der = publicKey.export({ type: 'spki', format: 'der' })
  return { certificate, key: createHash('sha256').update(der).digest('hex') }
}

/**
 * A machine that was lost may be replaced under its name, by a token that was made for just that; so may one that joins
 * again with its own key be let in, even before it is seen to be down.
 */
async function refuseTakenName(
  app: HostApp,
  trace: Trace,
  name: string,
  meant: string | null,
  key: string,
): Promise<void> {
  const row = await store.findHost(app.db, name)
  // Its last servers may have gone just now.
  if (row && row.removedAt !== null) await finishRemoval(app, trace, name)
  const at = { trace, token: await app.serviceToken(trace) }
  const [service] = await app.peers.computeServices(at, name)
  if (!service && (!row || row.removedAt !== null)) return
  if (row && row.removedAt !== null)
    throw new CloudError(
      'conflict',
      `The host ${name} was removed, and its name is free when its servers are gone.`,
    )
  const itself = row?.keyFingerprint === key
  if (!row || (service?.up && !itself))
    throw new CloudError(
      'conflict',
      `There is a host ${name} in this cloud: choose another name with --name.`,
    )
  if (meant !== name)
    throw new CloudError(
      'conflict',
      `A host ${name} joined before. Choose another name with --name, or take its place with a token ` +
        `made for it: 'nimbo token create --host ${name}'.`,
    )
}

/** Its certificate is a server's, too: it must never pass for the controller, by name or address. */
function refuseForeignName(name: string, own: readonly string[]): void {
  if (isIP(name) === 0 && !own.some((each) => each.toLowerCase() === name.toLowerCase())) return
  throw new CloudError('conflict', `A host can't be called ${name}: choose another name with --name.`)
}

function fingerprint(certificate: string): string {
  return new X509Certificate(certificate).fingerprint256.replaceAll(':', '').toLowerCase()
}

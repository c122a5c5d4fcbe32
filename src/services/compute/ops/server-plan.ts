// What new servers are to be: everything of the wish looked up and checked, before anything is written.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { ImageFacts } from '#services/image/client.ts'
import type { ComputeContext } from '../app.ts'
import type { Flavor } from '../resources/flavor.ts'
import type { Hints, NetworkWish, RequestedServer } from '../resources/request-spec.ts'
import { readWhole } from '../resources/schema.ts'
import type { ServerWish } from '../resources/server-body.ts'
import { serverRules } from '../resources/server-rule.ts'
import { listServices } from '../store/host.ts'
import { findKeypair } from '../store/keypair.ts'
import { loadFlavor } from './flavor.ts'
import { checkFileQuota, checkMetadataQuota } from './quota.ts'
import { resolveDevices, type WishedDevice } from './server-device.ts'
import { loadHintedGroup } from './server-group.ts'
import { resolveNetworks, resolveSecurityGroups } from './server-network.ts'
import { readZones } from './zone.ts'

export type ServerPlan = {
  wish: ServerWish
  flavor: Flavor
  devices: WishedDevice[]
  image: ImageFacts | null
  imageId: string | null
  networks: NetworkWish[]
  groups: { ids: string[]; names: string[] }
  placement: Placement
  hints: Hints
  key: RequestedServer['key']
  tags: string[]
  count: { min: number; max: number }
}

export async function planServers(context: ComputeContext, wish: ServerWish): Promise<ServerPlan> {
  const { app, caller } = context
  const owner = { projectId: projectOf(context), userId: caller.userId }
  const count = countOf(wish)
  const flavor = await loadFlavor(context, String(wish.flavorRef)).catch((error: unknown) => {
    if (!(error instanceof CloudError) || error.kind !== 'notFound') throw error
    throw new CloudError('badRequest', error.message, { cause: error })
  })
  if (wish.metadata) await checkMetadataQuota(app.db, app.config, owner, wish.metadata)
  if (wish.personality) await checkFileQuota(app.db, app.config, owner, wish.personality)
  if (wish.trustedImageCertificates) context.authorize(serverRules.trustedCerts, ownTarget(context))
  const key = wish.keyName === undefined ? undefined : await findKeypair(app.db, caller.userId, wish.keyName)
  if (wish.keyName !== undefined && !key) throw new CloudError('badRequest', 'Invalid key_name provided.')
  const [disks, networks, groups, placement] = await Promise.all([
    resolveDevices(context, wish),
    resolveNetworks(context, { networks: wish.networks, count: count.max }),
    resolveSecurityGroups(
      context,
      (wish.securityGroups ?? []).flatMap((each) => each.name ?? []),
    ),
    placementOf(context, wish),
  ])
  if (disks.devices.some((each) => each.destination === 'volume'))
    context.authorize(serverRules.attachVolume, ownTarget(context))
  if (networks.length > 0) context.authorize(serverRules.attachNetwork, ownTarget(context))
  if (count.max > 1 && disks.devices.some((each) => each.volumeId !== null))
    throw new CloudError(
      'badRequest',
      'Block Device Mapping is Invalid: a volume can not be attached to several new servers.',
    )
  checkSizes(context, flavor, disks.image, disks.imageId !== null, disks.rootSizeGb)
  return {
    wish,
    flavor,
    networks,
    groups,
    placement,
    count,
    devices: disks.devices,
    image: disks.image,
    imageId: disks.imageId,
    hints: await readHints(context, wish),
    key: key ? { name: key.name, type: key.type, publicKey: key.publicKey } : null,
    tags: [...new Set(wish.tags ?? [])],
  }
}

function countOf(wish: ServerWish): { min: number; max: number } {
  const min = readWhole(wish.minCount ?? 1, 'min_count', { min: 1 })
  const max = readWhole(wish.maxCount ?? min, 'max_count', { min: 1 })
  if (min > max) throw new CloudError('badRequest', 'min_count must be <= max_count')
  return { min, max }
}

/** The image must fit the flavor: its memory, and its disk where the image is on it. */
function checkSizes(
  context: ComputeContext,
  flavor: Flavor,
  image: ImageFacts | null,
  onLocalDisk: boolean,
  volumeGb: number | undefined,
): void {
  if (!image) return
  if (flavor.memoryMb < image.minRam)
    throw new CloudError('badRequest', "Flavor's memory is too small for requested image.")
  if (!onLocalDisk) {
    if (volumeGb !== undefined && volumeGb < image.minDisk)
      throw new CloudError(
        'badRequest',
        `Volume is smaller than the minimum size specified in image metadata. Volume size is ${volumeGb} GiB, minimum is ${image.minDisk} GiB.`,
      )
    return
  }
  if (flavor.rootGb === 0) {
    if (!context.allows(serverRules.zeroDisk, {}))
      throw new CloudError('forbidden', 'Only volume-backed servers are allowed for flavors with zero disk.')
    return
  }
  if (image.size !== null && image.size > flavor.rootGb * 2 ** 30)
    throw new CloudError(
      'badRequest',
      `Flavor's disk is too small for requested image. Flavor disk is ${flavor.rootGb * 2 ** 30} bytes, image is ${image.size} bytes.`,
    )
  if (image.minDisk > flavor.rootGb)
    throw new CloudError(
      'badRequest',
      `Flavor's disk is smaller than the minimum size specified in image metadata. Flavor disk is ${flavor.rootGb} GiB, minimum is ${image.minDisk} GiB.`,
    )
}

type Placement = Pick<RequestedServer, 'forcedHost' | 'forcedNode' | 'requestedHost' | 'requestedNode'> & {
  zone: string | null
}

/** `zone`, `zone:host` and `zone:host:node` (row 90), or 2.74's `host` and `hypervisor_hostname`. */
async function placementOf(context: ComputeContext, wish: ServerWish): Promise<Placement> {
  const { db, config } = context.app
  const [zone = '', forcedHost = '', forcedNode = '', ...more] = (wish.availabilityZone ?? '').split(':')
  if (more.length > 0)
    throw new CloudError('badRequest', `Invalid availability_zone: ${wish.availabilityZone}`)
  if (forcedHost || forcedNode) context.authorize(serverRules.forceHost, {})
  if (wish.host || wish.hypervisorHostname) {
    context.authorize(serverRules.requestHost, {})
    if (forcedHost || forcedNode)
      throw new CloudError('badRequest', 'The host is named twice: by availability_zone and by host')
  }
  const named = [forcedHost, forcedNode, wish.host, wish.hypervisorHostname].filter((each) => each)
  if (zone !== '' || named.length > 0) {
    const services = (await listServices(db)).filter((each) => each.binary === 'nova-compute')
    for (const host of named) {
      if (!services.some((each) => each.host === host))
        throw new CloudError('badRequest', `Compute host ${host} could not be found.`)
    }
    const zones = await readZones(db, config)
    // With a forced host the zone's name is not looked at, as Nova has it; but a host of another zone is a mistake.
    if (zone !== '' && !services.some((each) => zones.ofHost(each.host) === zone))
      throw new CloudError('badRequest', 'The requested availability zone is not available')
    if (zone !== '' && forcedHost && zones.ofHost(forcedHost) !== zone)
      throw new CloudError('badRequest', `Compute host ${forcedHost} is not in availability zone ${zone}.`)
  }
  return {
    zone: zone || null,
    forcedHost: forcedHost || null,
    forcedNode: forcedNode || null,
    requestedHost: wish.host ?? null,
    requestedNode: wish.hypervisorHostname ?? null,
  }
}

async function readHints(context: ComputeContext, wish: ServerWish): Promise<Hints> {
  const list = (given: string | string[] | undefined) =>
    given === undefined ? undefined : Array.isArray(given) ? given : [given]
  const [group] = list(wish.hints?.group) ?? []
  if (group !== undefined) await loadHintedGroup(context, group)
  return { group, sameHost: list(wish.hints?.same_host), differentHost: list(wish.hints?.different_host) }
}

export function projectOf(context: ComputeContext): string {
  const { projectId } = context.caller
  if (projectId === undefined)
    throw new CloudError('forbidden', 'A server belongs to a project, and this token is for none')
  return projectId
}

function ownTarget(context: ComputeContext) {
  return { project_id: projectOf(context), user_id: context.caller.userId }
}

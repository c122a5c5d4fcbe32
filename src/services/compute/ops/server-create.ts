// Makes servers: checks all that can be checked at once, then writes rows and starts a task for each in one transaction.
import type { Transaction } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { ImageFacts } from '#services/image/client.ts'
import type { ComputeContext } from '../app.ts'
import type { Flavor } from '../resources/flavor.ts'
import type { Hints, NetworkWish, RequestedServer } from '../resources/request-spec.ts'
import { readBool, readWhole } from '../resources/schema.ts'
import { type Server, serverRules } from '../resources/server.ts'
import type { ServerWish } from '../resources/server-body.ts'
import { insertDevices } from '../store/block-device.ts'
import { listServices } from '../store/host.ts'
import { findKeypair } from '../store/keypair.ts'
import { insertServer, insertSpec } from '../store/server.ts'
import { addMember } from '../store/server-group.ts'
import { serverCreate } from '../tasks/server-create.ts'
import { loadFlavor } from './flavor.ts'
import { checkFileQuota, checkMetadataQuota, checkServerQuota } from './quota.ts'
import { recordAction } from './server-action.ts'
import { resolveDevices, type WishedDevice } from './server-device.ts'
import { checkGroupPlace, loadHintedGroup } from './server-group.ts'
import { subjectOf } from './server-load.ts'
import { resolveNetworks, resolveSecurityGroups } from './server-network.ts'
import { readZones } from './zone.ts'

export type MadeServers = { servers: Server[]; reservationId: string; adminPass: string }

type Plan = {
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

export async function createServers(context: ComputeContext, wish: ServerWish): Promise<MadeServers> {
  const { app } = context
  context.authorize(serverRules.create, { project_id: projectOf(context), user_id: context.caller.userId })
  const plan = await planServers(context, wish)
  const reservationId = `r-${randomText(context, 'abcdefghijklmnopqrstuvwxyz0123456789', 8)}`
  const servers = await app.db.transaction(async (tx) => {
    const count = await countWithinQuota(context, tx, plan)
    const made: Server[] = []
    for (let at = 0; at < count; at++)
      made.push(await insertOne(context, tx, plan, { at, count, reservationId }))
    return made
  })
  for (const each of servers)
    context.journal.record(context.trace, { kind: 'db', name: 'server.insert', subject: subjectOf(each.id) })
  const adminPass =
    wish.adminPass ?? randomText(context, 'abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789', 12)
  return { servers, reservationId, adminPass }
}

async function planServers(context: ComputeContext, wish: ServerWish): Promise<Plan> {
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

/** As many as the quota allows, at least as many as the caller must have. */
async function countWithinQuota(context: ComputeContext, tx: Transaction, plan: Plan): Promise<number> {
  const { app } = context
  const owner = { projectId: projectOf(context), userId: context.caller.userId }
  const started = app.world.clock.monotonic()
  const check = (count: number) =>
    checkServerQuota(tx, app.config, owner, {
      instances: count,
      cores: count * plan.flavor.vcpus,
      ram: count * plan.flavor.memoryMb,
    })
  try {
    for (let count = plan.count.max; ; count--) {
      try {
        await check(count)
        if (plan.hints.group) await checkGroupPlace(context, tx, plan.hints.group, count)
        return count
      } catch (error) {
        if (count <= plan.count.min || !(error instanceof CloudError)) throw error
      }
    }
  } finally {
    const durationMs = app.world.clock.monotonic() - started
    context.journal.record(context.trace, { kind: 'db', name: 'server.quota', durationMs })
  }
}

async function insertOne(
  context: ComputeContext,
  tx: Transaction,
  plan: Plan,
  place: { at: number; count: number; reservationId: string },
): Promise<Server> {
  const { app, caller } = context
  const { wish, flavor } = plan
  const id = app.world.random.uuid()
  const now = app.world.clock.now()
  const suffix = place.count > 1 ? `-${place.at + 1}` : ''
  const row: Omit<Server, 'number'> = {
    id,
    reservationId: place.reservationId,
    launchIndex: place.at,
    projectId: projectOf(context),
    userId: caller.userId,
    name: `${wish.name.slice(0, 255 - suffix.length)}${suffix}`,
    hostname: wish.hostname ? `${wish.hostname}${suffix}` : hostnameOf(`${wish.name}${suffix}`, id),
    // Before 2.19 the name stands in.
    description: (context.version ?? 2093) < 2019 ? wish.name : (wish.description ?? null),
    flavorId: flavor.id,
    flavor: {
      id: flavor.id,
      name: flavor.name,
      vcpus: flavor.vcpus,
      memoryMb: flavor.memoryMb,
      rootGb: flavor.rootGb,
      ephemeralGb: flavor.ephemeralGb,
      swapMb: flavor.swapMb,
      extraSpecs: flavor.extraSpecs,
    },
    vcpus: flavor.vcpus,
    memoryMb: flavor.memoryMb,
    imageId: plan.imageId,
    keyName: plan.key?.name ?? null,
    metadata: wish.metadata ?? {},
    tags: plan.tags,
    userData: wish.userData ?? null,
    configDrive: readBool(wish.configDrive) || plan.image?.properties.img_config_drive === 'mandatory',
    accessIpV4: wish.accessIPv4 ?? null,
    accessIpV6: wish.accessIPv6 ?? null,
    availabilityZone: plan.placement.zone,
    host: null,
    node: null,
    vmState: 'building',
    taskState: 'scheduling',
    powerState: 0,
    progress: 0,
    lockedBy: null,
    lockedReason: null,
    diskConfig: wish.diskConfig ?? 'MANUAL',
    rootDevice: plan.devices.find((each) => each.bootIndex === 0)?.device ?? null,
    trustedCertificates: wish.trustedImageCertificates ?? null,
    securityGroups: plan.groups.names,
    addresses: [],
    fault: null,
    generation: 1,
    desiredPower: 'running',
    launchedAt: null,
    terminatedAt: null,
    deletedAt: null,
    createdAt: now,
    updatedAt: now,
  }
  const number = await insertServer(tx, row)
  const { zone: _zone, ...placement } = plan.placement
  await insertSpec(tx, id, {
    networks: plan.networks,
    securityGroupIds: plan.groups.ids,
    image: plan.image && {
      id: plan.image.id,
      minRam: plan.image.minRam,
      minDisk: plan.image.minDisk,
      properties: plan.image.properties,
    },
    hints: plan.hints,
    ...placement,
    files: wish.personality ?? [],
    key: plan.key,
  })
  await insertDevices(
    tx,
    plan.devices.map((each) => ({
      ...each,
      id: app.world.random.uuid(),
      serverId: id,
      attachmentId: null,
      made: false,
      state: 'attaching' as const,
      createdAt: now,
    })),
  )
  if (plan.hints.group) await addMember(tx, plan.hints.group, id)
  await recordAction(context, tx, row, 'create')
  await app.tasks.start(tx, serverCreate, {
    subject: subjectOf(id),
    frame: { serverId: id, projectId: row.projectId, requestId: context.requestId, tried: [] },
    trace: context.trace,
  })
  return { ...row, number }
}

/** A name that a host may have, from one that a person gave. */
export function hostnameOf(name: string, id: string): string {
  const cleaned = name
    .normalize('NFKD')
    .replace(/[ _.]+/g, '-')
    .replace(/[^a-zA-Z0-9-]/g, '')
    .toLowerCase()
    .slice(0, 63)
    .replace(/^-+|-+$/g, '')
  return cleaned || `server-${id}`
}

function randomText(context: ComputeContext, letters: string, length: number): string {
  const { random } = context.app.world
  return Array.from({ length }, () => letters[random.int(0, letters.length)]).join('')
}

function projectOf(context: ComputeContext): string {
  const { projectId } = context.caller
  if (projectId === undefined)
    throw new CloudError('forbidden', 'A server belongs to a project, and this token is for none')
  return projectId
}

function ownTarget(context: ComputeContext) {
  return { project_id: projectOf(context), user_id: context.caller.userId }
}

// Makes servers: once all is checked, rows and a task for each in one transaction.
import type { Transaction } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { canonicalAddress } from '#kit/net/address.ts'
import type { ComputeContext } from '../app.ts'
import { readBool } from '../resources/schema.ts'
import type { Server } from '../resources/server.ts'
import type { ServerWish } from '../resources/server-body.ts'
import { serverRules } from '../resources/server-rule.ts'
import { insertDevices } from '../store/block-device.ts'
import { insertServer, insertSpec } from '../store/server.ts'
import { addMember } from '../store/server-group.ts'
import { serverCreate } from '../tasks/server-create.ts'
import { checkServerQuota } from './quota.ts'
import { recordAction } from './server-action.ts'
import { checkGroupPlace } from './server-group.ts'
import { subjectOf } from './server-load.ts'
import { planServers, projectOf, type ServerPlan } from './server-plan.ts'

export type MadeServers = { servers: Server[]; reservationId: string; adminPass: string }

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

/** As many as the quota allows, at least as many as the caller must have. */
async function countWithinQuota(context: ComputeContext, tx: Transaction, plan: ServerPlan): Promise<number> {
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
  plan: ServerPlan,
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
    accessIpV6: wish.accessIPv6 === undefined ? null : canonicalAddress(wish.accessIPv6),
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

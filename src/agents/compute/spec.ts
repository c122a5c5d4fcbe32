// From an order of the cloud to a guest's specification: asks image, network and volume, in the order of the boot flow.
import type { ServerOrder } from '#contracts/compute.ts'
import type { GuestImage, GuestNic, GuestSpec, GuestVolume } from '#drivers/virt/load.ts'
import { asError, CloudError } from '#kit/errors/cloud-error.ts'
import type { Trace } from '#kit/journal/journal.ts'
import { configDriveFiles } from '#kit/metadata-tree/tree.ts'
import type { Parts } from './parts.ts'
import { patiently } from './patience.ts'
import type { Peers } from './peer.ts'

/** Runs a part of an operation; its failure names the part. */
export async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const { message } = asError(error)
    const kind = error instanceof CloudError ? error.kind : 'internal'
    throw new CloudError(kind, `${name}: ${message}`, { cause: error })
  }
}

export async function guestSpec(
  parts: Parts,
  peers: Peers,
  trace: Trace,
  order: ServerOrder,
): Promise<GuestSpec> {
  const subject = `server:${order.id}`
  const tell = (name: string, data: Record<string, unknown>) =>
    parts.journal.record(trace, { kind: 'driver', name, subject, data })
  const image = await step('Getting the image', () => orderedImage(peers, trace, order, subject))
  tell(
    'image.info',
    image
      ? { imageId: image.id, diskFormat: image.diskFormat, sizeBytes: image.sizeBytes }
      : { needed: false, reason: 'the server boots from a volume' },
  )
  const nics = await step('Getting the network information', () =>
    peers.nics(trace, order.id, subject, order.portIds),
  )
  tell('network.info', { ports: nics.map(({ portId, mac, mtu }) => ({ portId, mac, mtu })) })
  const volumes = await step('Connecting the volumes', () => connectVolumes(peers, trace, order, subject))
  tell(
    'volume.info',
    volumes.length > 0
      ? { volumes: volumes.map(({ volumeId, device }) => ({ volumeId, device })) }
      : { needed: false, reason: 'the server has no volume' },
  )
  const configDrive = order.configDrive
    ? await step('Making the config drive', () => configDriveOf(parts, trace, order.id, subject))
    : undefined
  return { ...specOf(order, image, nics, volumes), ...(configDrive && { configDrive }) }
}

/** The metadata service's own tree, on a CD. */
async function configDriveOf(
  { conductor, config, world, host }: Parts,
  trace: Trace,
  serverId: string,
  subject: string,
): Promise<Record<string, string | Uint8Array>> {
  const { facts } = await patiently(world, () =>
    conductor.metadataGet({ host, serverId }, { trace, subject }),
  )
  if (!facts) throw new CloudError('notFound', `The cloud no longer knows server ${serverId}`)
  return configDriveFiles(facts, {
    domain: config.dhcpDomain,
    random: (count) => world.random.bytes(count),
  })
}

function specOf(
  order: ServerOrder,
  image: GuestImage | undefined,
  nics: GuestNic[],
  volumes: GuestVolume[],
): GuestSpec {
  const { flavor } = order
  return {
    id: order.id,
    number: order.number,
    name: order.name,
    hostname: order.hostname,
    generation: order.generation,
    projectId: order.projectId,
    userId: order.userId,
    flavorName: flavor.name,
    vcpus: flavor.vcpus,
    memoryMb: flavor.memoryMb,
    rootGb: flavor.rootGb,
    ephemeralGb: flavor.ephemeralGb,
    swapMb: flavor.swapMb,
    image,
    nics,
    volumes,
    createdAt: order.createdAt,
  }
}

async function orderedImage(
  peers: Peers,
  trace: Trace,
  order: ServerOrder,
  subject: string,
): Promise<GuestImage | undefined> {
  return order.imageId === null ? undefined : peers.image(trace, order.imageId, subject)
}

async function connectVolumes(
  peers: Peers,
  trace: Trace,
  order: ServerOrder,
  subject: string,
): Promise<GuestVolume[]> {
  const volumes: GuestVolume[] = []
  for (const each of order.volumes)
    volumes.push(await connectVolume(peers, trace, order, each.volumeId, subject))
  return volumes
}

export async function connectVolume(
  peers: Peers,
  trace: Trace,
  order: ServerOrder,
  volumeId: string,
  subject: string,
): Promise<GuestVolume> {
  const ordered = order.volumes.find((each) => each.volumeId === volumeId)
  if (!ordered) throw new CloudError('conflict', `Volume ${volumeId} is no longer meant for this server`)
  const { path, format, readOnly } = await peers.connectVolume(
    trace,
    ordered.attachmentId,
    ordered.device,
    subject,
  )
  return {
    volumeId,
    path,
    format,
    readOnly,
    device: ordered.device,
    serial: volumeId,
    ...(ordered.bootIndex !== null && ordered.bootIndex >= 0 && { bootIndex: ordered.bootIndex }),
  }
}

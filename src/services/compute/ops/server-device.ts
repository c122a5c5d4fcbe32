// Which disks a new server gets: the image's own, and what the block device mapping says, in either of its versions.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { ImageFacts } from '#services/image/client.ts'
import type { ComputeContext } from '../app.ts'
import type { BlockDevice } from '../resources/block-device.ts'
import { readBool, readWhole } from '../resources/schema.ts'
import type { ServerWish } from '../resources/server-body.ts'

type Mapping = NonNullable<ServerWish['blockDeviceMappingV2']>[number]
/** A disk before it belongs to a server. */
export type WishedDevice = Omit<
  BlockDevice,
  'id' | 'serverId' | 'createdAt' | 'attachmentId' | 'state' | 'made'
>

const invalid = (words: string) => new CloudError('badRequest', `Block Device Mapping is Invalid: ${words}`)

/** `imageId` is null where the server boots from a volume. */
export async function resolveDevices(
  context: ComputeContext,
  wish: ServerWish,
): Promise<{
  devices: WishedDevice[]
  image: ImageFacts | null
  imageId: string | null
  rootSizeGb: number | undefined
}> {
  if (wish.blockDeviceMapping?.length && wish.blockDeviceMappingV2?.length)
    throw new CloudError(
      'badRequest',
      'Using different block_device_mapping syntaxes is not allowed in the same request.',
    )
  const imageRef = wish.imageRef || null
  const mappings =
    wish.blockDeviceMappingV2 ??
    (wish.blockDeviceMapping ?? []).map((each, at) => fromV1(each, at, imageRef === null))
  const wished = mappings
    .filter((each) => each.no_device === undefined || each.no_device === null || each.no_device === '')
    .map(read)
  // An image is the boot disk where no mapping says so itself.
  if (imageRef !== null && !wished.some((each) => each.bootIndex === 0)) {
    wished.unshift({
      ...blank,
      source: 'image',
      destination: 'local',
      bootIndex: 0,
      imageId: imageRef,
      deleteOnTermination: true,
    })
  }
  const boot = wished.filter((each) => each.bootIndex === 0)
  if (boot.length === 0) {
    if (imageRef === null && wished.length === 0)
      throw new CloudError('badRequest', 'Invalid imageRef provided.')
    throw invalid('Boot sequence for the instance and image/block device mapping combination is not valid.')
  }
  if (boot.length > 1)
    throw invalid('Boot sequence for the instance and image/block device mapping combination is not valid.')
  const root = boot[0]!
  if (imageRef !== null && root.imageId !== null && root.imageId !== imageRef)
    throw invalid('The image of the boot disk is not that of the server.')
  const image = root.imageId === null ? null : await usableImage(context, root.imageId)
  for (const each of wished) await check(context, each)
  return {
    devices: named(wished),
    image,
    imageId: root.destination === 'local' ? root.imageId : null,
    rootSizeGb: root.destination === 'volume' ? (root.sizeGb ?? undefined) : undefined,
  }
}

const blank: WishedDevice = {
  source: 'blank',
  destination: 'volume',
  bootIndex: null,
  device: '',
  imageId: null,
  snapshotId: null,
  volumeId: null,
  volumeType: null,
  sizeGb: null,
  guestFormat: null,
  deleteOnTermination: false,
  tag: null,
}

/** The first version knew only volumes and snapshots, in the order of their devices. */
function fromV1(
  each: NonNullable<ServerWish['blockDeviceMapping']>[number],
  at: number,
  boots: boolean,
): Mapping {
  const source = each.snapshot_id ? 'snapshot' : 'volume'
  return {
    source_type: source,
    destination_type: 'volume',
    uuid: each.snapshot_id ?? each.volume_id,
    volume_size: each.volume_size,
    device_name: each.device_name,
    delete_on_termination: each.delete_on_termination,
    no_device: each.no_device,
    boot_index: boots && at === 0 ? 0 : -1,
  }
}

function read(each: Mapping): WishedDevice {
  const id = each.uuid ?? each.image_id ?? each.volume_id ?? each.snapshot_id
  const source =
    each.source_type ??
    (each.volume_id ? 'volume' : each.image_id ? 'image' : each.snapshot_id ? 'snapshot' : 'blank')
  const destination = each.destination_type ?? (source === 'image' || source === 'blank' ? 'local' : 'volume')
  if (source !== 'blank' && !id) throw invalid(`Missing device UUID.`)
  if ((source === 'volume' || source === 'snapshot') && destination === 'local')
    throw invalid(`Mapping ${source} to local is not supported.`)
  const bootIndex =
    each.boot_index === undefined || each.boot_index === null || Number(each.boot_index) < 0
      ? null
      : Number(each.boot_index)
  if (source === 'image' && destination === 'local' && bootIndex !== 0)
    throw invalid('Mapping image to local is not supported.')
  const sizeGb =
    each.volume_size === undefined ? null : readWhole(each.volume_size, 'volume_size', { min: 1 })
  if (source === 'blank' && destination === 'volume' && sizeGb === null)
    throw invalid("Blank volumes (source: 'blank', dest: 'volume') need to have non-zero size")
  if (source === 'image' && destination === 'volume' && sizeGb === null)
    throw invalid("Images with destination_type 'volume' need to have a non-zero size specified")
  return {
    ...blank,
    source,
    destination,
    bootIndex,
    device: each.device_name
      ? each.device_name.startsWith('/dev/')
        ? each.device_name
        : `/dev/${each.device_name}`
      : '',
    imageId: source === 'image' ? (id ?? null) : null,
    snapshotId: source === 'snapshot' ? (id ?? null) : null,
    volumeId: source === 'volume' ? (id ?? null) : null,
    volumeType: each.volume_type ?? null,
    sizeGb,
    guestFormat: each.guest_format ?? null,
    deleteOnTermination: destination === 'local' ? true : readBool(each.delete_on_termination),
    tag: each.tag ?? null,
  }
}

async function usableImage(context: ComputeContext, id: string): Promise<ImageFacts> {
  const { app, trace, caller } = context
  const image = await app.api.image.getImage(trace, caller.token, id).catch((error: unknown) => {
    if (error instanceof CloudError && (error.kind === 'notFound' || error.kind === 'forbidden'))
      throw new CloudError('badRequest', `Image ${id} could not be found.`, { cause: error })
    throw error
  })
  if (image.status !== 'active') throw new CloudError('badRequest', `Image ${id} is not active.`)
  return image
}

async function check(context: ComputeContext, each: WishedDevice): Promise<void> {
  const { app, trace, caller } = context
  if (each.source === 'snapshot') throw invalid('Volumes from snapshots are not offered here.')
  if (each.volumeId === null) return
  const volume = await app.api.volume
    .getVolume(trace, caller.token, caller.projectId ?? '', each.volumeId)
    .catch((error: unknown) => {
      if (error instanceof CloudError && error.kind === 'notFound')
        throw invalid(`failed to get volume ${each.volumeId}.`)
      throw error
    })
  if (volume.status !== 'available' && !(volume.multiattach && volume.status === 'in-use'))
    throw invalid(`volume ${volume.id} has status ${volume.status}, and must be available.`)
  if (each.bootIndex === 0 && volume.bootable !== 'true')
    throw invalid(`Block Device ${volume.id} is not bootable.`)
}

/** Those without a name of their own get the next free letter: vda is what the server boots from. */
function named(devices: readonly WishedDevice[]): WishedDevice[] {
  const taken = new Set(devices.map((each) => each.device))
  const ordered = [...devices].sort((a, b) => (a.bootIndex ?? 1000) - (b.bootIndex ?? 1000))
  return ordered.map((each) => {
    if (each.device) return each
    const device = nextDevice(taken)
    taken.add(device)
    return { ...each, device }
  })
}

export function nextDevice(taken: ReadonlySet<string>): string {
  for (let at = 0; at < 26 * 27; at++) {
    const letters = at < 26 ? letter(at) : letter(Math.floor(at / 26) - 1) + letter(at % 26)
    const device = `/dev/vd${letters}`
    if (!taken.has(device)) return device
  }
  throw new CloudError('badRequest', 'The server has no device name left for another disk')
}

const letter = (at: number) => String.fromCharCode(97 + at)

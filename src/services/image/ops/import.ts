// Imports: what is asked for is checked and becomes a task, in one transaction with the image's claim.
import type { Transaction } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Credentials } from '#kit/policy/policy.ts'
import type { ImageApp, ImageContext } from '../app.ts'
import { type ImageStatus, imageRules, type WholeImage } from '../resources/image.ts'
import { type ImageTask, subjectOf, taskRules } from '../resources/task.ts'
import * as store from '../store/image.ts'
import { type ImportFrame, imageImport } from '../tasks/image-import.ts'
import { requireFormats } from './content.ts'
import { createImage, visibleImage } from './image.ts'
import { requireUploadSlot, uploadLimit } from './quota.ts'
import type { RemoteImage } from './remote.ts'
import { importMethodsOf, storeNames, writableStore } from './store.ts'
import { recordTask } from './task.ts'
import { imageBody } from './values.ts'

export type ImportRequest = {
  method: string
  uri: string | undefined
  /** Of an image in another region's Glance. */
  region: string | undefined
  imageId: string | undefined
  serviceInterface: string | undefined
  stores: readonly string[] | undefined
  /** By header. */
  store: string | undefined
  allStores: boolean
  /** One store that fails undoes all. */
  mustAll: boolean
}

/** The status that each method starts from, and what it says of another one. */
const starts: Record<string, { from: ImageStatus; refusal: string }> = {
  'glance-direct': {
    from: 'uploading',
    refusal: "Image needs to be staged before 'glance-direct' method can be used",
  },
  'web-download': {
    from: 'queued',
    refusal: "Image needs to be in 'queued' state to use 'web-download' method",
  },
  'glance-download': {
    from: 'queued',
    refusal: "Image needs to be in 'queued' state to use 'glance-download' method",
  },
  'copy-image': { from: 'active', refusal: 'Only images with status active can be targeted for copying' },
}

export async function importImage(context: ImageContext, id: string, request: ImportRequest): Promise<void> {
  const { app } = context
  const { method } = request
  const start = starts[method]
  if (!start || !importMethodsOf(app).includes(method))
    throw new CloudError('badRequest', `Unknown import method name '${method}'.`)
  const { image, target } = await visibleImage(context, id)
  const copying = method === 'copy-image'
  context.authorize(copying ? taskRules.copyImage : imageRules.modify, target)
  const stores = storesFor(app, image, request)
  if (image.importTask !== null)
    throw new CloudError('conflict', `Image ${id} has active task '${image.importTask}'`)
  if (image.status !== start.from) throw new CloudError('conflict', start.refusal)
  requireFormats(image)
  if (method === 'web-download') {
    if (!request.uri)
      throw new CloudError('badRequest', "Specify 'uri' in 'method' to import with 'web-download'.")
    app.download.allow(request.uri)
  }
  const remote = method === 'glance-download' ? remoteOf(request) : undefined
  if (method === 'glance-direct' && !(await app.staging.info(id)))
    throw new CloudError('conflict', 'The staged bytes of this image are not whole yet')
  // A staged image has its slot already.
  if (method !== 'glance-direct') await requireUploadSlot(context)
  const limitBytes = await uploadLimit(context)
  const importRequest = {
    method: { name: method, ...(request.uri !== undefined && { uri: request.uri }), ...shownRemote(remote) },
    ...(request.stores && { stores: request.stores }),
    all_stores: request.allStores,
    all_stores_must_succeed: request.mustAll,
  }
  const input = { image_id: id, import_req: importRequest, ...(app.stores.several && { backend: stores }) }
  await app.db.transaction(async (tx) => {
    const task = await recordTask(context, tx, {
      id: app.world.random.uuid(),
      type: 'api_image_import',
      imageId: id,
      owner: image.owner ?? context.caller.projectId ?? '',
      input,
    })
    const frame = frameOf(context, {
      image,
      task,
      method,
      uri: request.uri,
      remote,
      stores,
      mustAll: request.mustAll,
    })
    await begin(context, tx, image, start.from, { ...frame, limitBytes })
  })
}

/** The older way: an operator's task that makes an image of its own and fills it. */
export async function importByTask(
  context: ImageContext,
  type: string,
  input: Record<string, unknown>,
): Promise<ImageTask> {
  context.authorize(taskRules.access, {})
  context.authorize(taskRules.add, {})
  const { app } = context
  if (type !== 'import')
    throw new CloudError('badRequest', `Provided type of task: ${type} is not supported.`)
  for (const name of ['import_from', 'import_from_format', 'image_properties'])
    if (!input[name]) throw new CloudError('badRequest', `Input does not contain '${name}' field`)
  const { import_from: uri, import_from_format: format, image_properties: properties } = input
  if (typeof uri !== 'string' || typeof format !== 'string' || typeof properties !== 'object')
    throw new CloudError(
      'badRequest',
      'import_from and import_from_format are texts, image_properties an object',
    )
  if (!importMethodsOf(app).includes('web-download'))
    throw new CloudError('badRequest', 'This cloud downloads no images.')
  app.download.allow(uri)
  const given = { disk_format: format, container_format: 'bare', ...properties }
  const target = writableStore(app, undefined)
  const limitBytes = await uploadLimit(context)
  const image = await createImage(context, imageBody.parse(given))
  requireFormats(image)
  return app.db.transaction(async (tx) => {
    const task = await recordTask(context, tx, {
      id: app.world.random.uuid(),
      type: 'import',
      imageId: null,
      owner: context.caller.projectId ?? '',
      input,
    })
    const frame = frameOf(context, {
      image,
      task,
      method: 'web-download',
      uri,
      remote: undefined,
      stores: [target.id],
      mustAll: true,
    })
    await begin(context, tx, image, 'queued', { ...frame, limitBytes, ownImage: true })
    return task
  })
}

function remoteOf({ region, imageId, serviceInterface = 'public' }: ImportRequest): RemoteImage {
  const missing =
    region === undefined ? 'glance_region' : imageId === undefined ? 'glance_image_id' : undefined
  if (region === undefined || imageId === undefined)
    throw new CloudError('badRequest', `'${missing}' needs to be set for glance-download import method`)
  if (!/^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$/i.test(imageId))
    throw new CloudError('badRequest', `Remote image id does not look like a UUID: ${imageId}`)
  return { region, imageId, serviceInterface }
}

const shownRemote = (remote: RemoteImage | undefined) =>
  remote && {
    glance_region: remote.region,
    glance_image_id: remote.imageId,
    glance_service_interface: remote.serviceInterface,
  }

function storesFor(app: ImageApp, image: WholeImage, request: ImportRequest): string[] {
  const { stores, store: byHeader, allStores, method } = request
  if (allStores && (stores || byHeader !== undefined))
    throw new CloudError(
      'badRequest',
      "All_stores parameter can't be used with x-image-meta-store header or stores parameter.",
    )
  if ((allStores || stores) && !app.stores.several)
    throw new CloudError('badRequest', 'Stores parameter is not supported by this server.')
  const asked = allStores ? storeNames(app, false) : (stores ?? [byHeader])
  const wanted = [...new Set(asked.map((name) => writableStore(app, name).id))]
  if (wanted.length === 0) throw new CloudError('badRequest', "The 'stores' list must name a store.")
  if (method !== 'copy-image') return wanted
  const present = new Set(image.locations.map((each) => each.store))
  const missing = wanted.filter((name) => !present.has(name))
  if (missing.length < wanted.length && !allStores)
    throw new CloudError(
      'conflict',
      `Image is already present at store '${wanted.find((name) => present.has(name))}'`,
    )
  return missing
}

function frameOf(
  { app, caller }: ImageContext,
  given: {
    image: WholeImage
    task: ImageTask
    method: string
    uri: string | undefined
    remote: RemoteImage | undefined
    stores: string[]
    mustAll: boolean
  },
): Omit<ImportFrame, 'limitBytes'> {
  const { image, task, remote, ...rest } = given
  const ignored = caller.roles.some((role) => app.config.injectIgnoreRoles.includes(role))
  return {
    ...rest,
    ...(remote && { remote: { ...remote, asking: askingOf(caller), token: app.remotes.seal(caller.token) } }),
    imageId: image.id,
    taskId: task.id,
    ownImage: false,
    unpackedId: app.world.random.uuid(),
    convertedId: app.world.random.uuid(),
    properties: ignored ? {} : app.config.injectProperties,
    staged: image.id,
    failed: [],
    done: [],
  }
}

/** Whoever asks, without the token and all that only a request needs. */
function askingOf(caller: Credentials): Credentials {
  const { userId, userDomainId, projectId, projectDomainId, domainId, systemScope, roles } = caller
  return { userId, userDomainId, projectId, projectDomainId, domainId, systemScope, roles }
}

/** Of several imports that come at once one gets the image. */
async function begin(
  context: ImageContext,
  tx: Transaction,
  image: WholeImage,
  from: ImageStatus,
  frame: ImportFrame,
): Promise<void> {
  const { app, trace } = context
  const change = {
    ...(from !== 'active' && { status: 'importing' as const }),
    importTask: frame.taskId,
    ...(app.stores.several && { importingToStores: frame.stores.join(','), failedImport: '' }),
    updatedAt: app.world.clock.now(),
  }
  if (!(await store.beginImport(tx, image.id, from, change)))
    throw new CloudError('conflict', `Image ${image.id} is not ${from} any more, or has another task`)
  await app.tasks.start(tx, imageImport, { subject: subjectOf(image.id), frame, trace })
}

// Fills an image from staged bytes, from the web, from another region or from another of its stores: fetched, prepared, stored in one store
// after the other, and shown as active when all that must have it do.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Credentials } from '#kit/policy/policy.ts'
import { type TaskHandle, task } from '#kit/task/task.ts'
import type { ImageApp } from '../app.ts'
import { type Content, type Formats, requireFormats, storeContent } from '../ops/content.ts'
import { notify } from '../ops/notify.ts'
import { convertStaged, judgeStaged, unpackStaged } from '../ops/prepare.ts'
import type { RemoteImage } from '../ops/remote.ts'
import { removeDue } from '../ops/removal.ts'
import { refuseSigned } from '../ops/signature.ts'
import { readingOrder, refOf, writableStore } from '../ops/store.ts'
import { moveTask } from '../ops/task-progress.ts'
import type { WholeImage } from '../resources/image.ts'
import { stagingStore } from '../resources/store.ts'
import { importKind } from '../resources/task.ts'
import { changeImport, findImage, setProperties } from '../store/image.ts'
import { addLocation, addRemoval, dropStore } from '../store/location.ts'
import { download, fetchRemote } from './image-fetch.ts'

export type ImportFrame = {
  imageId: string
  /** Of the row that clients see. */
  taskId: string
  method: string
  uri: string | undefined
  /** Of method glance-download: what, for whom, and the sealed token until it is fetched. */
  remote?: RemoteImage & { asking: Credentials; token: string | undefined }
  stores: string[]
  mustAll: boolean
  limitBytes: number
  /** The image was made by this task, which is its result then. */
  ownImage: boolean
  /** Under which the bytes lie in the staging store now, and may lie after they are unpacked or converted. */
  staged: string
  unpackedId: string
  convertedId: string
  properties: Record<string, string>
  /** What the image is after its bytes were prepared. */
  formats?: Formats
  content?: Content
  done: string[]
  failed: string[]
}

export type ImportHandle = TaskHandle<ImageApp, ImportFrame>

/** Downloads of an hour, and as much again to store it. */
const deadlineMs = 4 * 3_600_000

export const imageImport = task<ImageApp, ImportFrame>()({
  name: importKind,
  start: 'fetch',
  deadlineMs,
  steps: {
    fetch: async (t) => {
      const image = await load(t)
      await moveTask(t.app, t.app.db, t.state.taskId, 'processing')
      refuseSigned(image)
      if (t.state.method === 'copy-image') return { go: 'store' }
      if (t.state.method === 'web-download') await download(t, image)
      if (t.state.method === 'glance-download') await fetchRemote(t, image)
      return { go: 'prepare' }
    },
    prepare: async (t) => {
      const image = await load(t)
      const { app, state } = t
      let formats = state.formats ?? requireFormats(image)
      let staged = state.staged
      if (app.config.decompress && formats.containerFormat === 'compressed') {
        const { unpackedId } = state
        if (await unpackStaged(app, staged, unpackedId, state.limitBytes)) staged = unpackedId
        formats = { ...formats, containerFormat: 'bare' }
      }
      const info = await judgeStaged(app, staged, formats)
      const diskFormat = await convertStaged(app, staged, state.convertedId, info, formats)
      if (diskFormat !== undefined) {
        staged = state.convertedId
        formats = { ...formats, diskFormat }
      }
      t.set({ staged, formats })
      return { go: 'store' }
    },
    store: async (t) => {
      const image = await load(t)
      const { done, failed, stores } = t.state
      const next = stores.find((each) => !done.includes(each) && !failed.includes(each))
      if (next === undefined) return { go: 'finish' }
      try {
        const content = await fill(t, image, next)
        t.set({ content, done: [...done, next] })
      } catch (error) {
        if (t.state.mustAll) throw error
        t.log.warn({ imageId: image.id, store: next, error: String(error) }, 'an import failed at a store')
        t.set({ failed: [...failed, next] })
      }
      await tellProgress(t)
      return { go: 'store' }
    },
    finish: async (t) => {
      const image = await load(t)
      const { app, state } = t
      if (state.done.length === 0 && state.stores.length > 0)
        throw new CloudError('badRequest', `The image could be stored in none of ${state.stores.join(', ')}.`)
      const copying = state.method === 'copy-image'
      const shown = copying
        ? {}
        : { ...state.content, ...state.formats, status: 'active' as const, claimedBy: null }
      await app.db.transaction(async (tx) => {
        const change = { ...shown, importTask: null, updatedAt: app.world.clock.now() }
        if (!(await changeImport(tx, image.id, state.taskId, change))) return
        if (!copying) {
          await setProperties(tx, image.id, state.properties)
          await removeStaged(t, tx)
        }
        const result = state.ownImage ? { image_id: image.id } : null
        await moveTask(app, tx, state.taskId, 'success', { result, message: '' })
      })
      await removeDue(app)
      if (!copying) notify(t, 'image.upload', { ...image, ...shown })
      return { done: true }
    },
  },
  // Rows that an earlier release wrote name it.
  undo: { giveUp: (t) => giveUp(t, t.failure ?? '') },
  // Also where no step ever began: the request has marked the image as taken by this task.
  failed: async (t, { message }) => {
    await giveUp(t, message)
    if (t.state.remote) t.set({ remote: { ...t.state.remote, token: undefined } })
  },
})

async function giveUp(t: ImportHandle, message: string): Promise<void> {
  const { app, state } = t
  const { imageId } = state
  const copying = state.method === 'copy-image'
  await app.db.transaction(async (tx) => {
    const image = await findImage(tx, imageId)
    // Finished, though what came after it was not: the image is whole, and clients were told so.
    if (image && image.importTask !== state.taskId) return
    await moveTask(app, tx, state.taskId, 'failure', { message })
    for (const store of state.stores) {
      await dropStore(tx, imageId, store)
      await addRemoval(tx, { imageId, store, dueAt: app.world.clock.now() })
    }
    if (!copying) await removeStaged(t, tx)
    const empty = { size: null, virtualSize: null, checksum: null, osHashAlgo: null, osHashValue: null }
    await changeImport(tx, imageId, state.taskId, {
      ...(!copying && { ...empty, status: 'queued' as const }),
      importTask: null,
      ...(image?.importingToStores != null && {
        importingToStores: '',
        failedImport: state.stores.join(','),
      }),
    })
  })
  await removeDue(app)
}

async function load(t: ImportHandle): Promise<WholeImage> {
  const image = await findImage(t.app.db, t.state.imageId)
  if (!image) throw new CloudError('gone', `Image ${t.state.imageId} was deleted while it was imported`)
  return image
}

/** From the staging store, or from another of its stores. All stores hold the same bytes, or the import fails. */
async function fill(t: ImportHandle, image: WholeImage, name: string): Promise<Content> {
  const { app, state } = t
  const { store } = writableStore(app, app.stores.several ? name : undefined)
  const copying = state.method === 'copy-image'
  const formats = state.formats ?? requireFormats(image)
  const source = copying ? await readAny(app, image) : await app.staging.get(state.staged)
  const content = await storeContent(app, store, image.id, formats, source, state.limitBytes)
  const expected = copying ? image : state.content
  if (expected?.checksum && expected.checksum !== content.checksum)
    throw new CloudError('badGateway', `Image ${image.id} came to store ${name} with other bytes`)
  await app.db.transaction(async (tx) => {
    // Deleted meanwhile: the next step finds out, and what is there goes with the rest.
    if (!(await findImage(tx, image.id))) return
    await addLocation(tx, {
      imageId: image.id,
      store: name,
      url: null,
      metadata: {},
      createdAt: app.world.clock.now(),
    })
  })
  return content
}

async function readAny(app: ImageApp, image: WholeImage) {
  const [first] = readingOrder(app, image)
  if (!first) throw new CloudError('notFound', `No store that is open here has image ${image.id}`)
  return first.source.get(refOf(first.location))
}

async function tellProgress(t: ImportHandle): Promise<void> {
  const { app, state } = t
  if (!app.stores.several) return
  const left = state.stores.filter((each) => !state.done.includes(each) && !state.failed.includes(each))
  await changeImport(app.db, state.imageId, state.taskId, {
    importingToStores: left.join(','),
    failedImport: state.failed.join(','),
  })
}

async function removeStaged(t: ImportHandle, tx: Parameters<typeof addRemoval>[0]): Promise<void> {
  const { imageId, unpackedId, convertedId } = t.state
  const dueAt = t.app.world.clock.now()
  for (const id of [imageId, unpackedId, convertedId])
    await addRemoval(tx, { imageId: id, store: stagingStore, dueAt })
}

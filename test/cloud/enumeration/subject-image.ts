// Image's routes: which rule guards each, with what body it is asked, and the samples that it is asked about.

import type { Bench, Guard, Guards, Maker, Subject } from './bench.ts'
import { metadefGuards, makers as metadefMakers } from './image-metadef.ts'

const ids = (bench: Bench) => bench.ids.image!
/** About the owner's image: whoever may not see it hears that there is none. */
const of = (rule: string, more: Partial<Guard> = {}): Guard => ({ rule, sees: 'get_image', ...more })
const any: Guard = { rule: 'token' }
const own = ({ projectId }: { projectId?: string }) => ({ project_id: projectId, owner: projectId })

/** As the cache is set unless told otherwise. */
const cacheTurnMs = 5000

const newImage = (bench: Bench) => ({ name: bench.name(), disk_format: 'raw', container_format: 'bare' })
const patchType = () => ({ 'content-type': 'application/openstack-images-v2.1-json-patch' })
const bytesType = () => ({ 'content-type': 'application/octet-stream' })

const guards: Guards = {
  'GET /': { rule: 'public' },
  'GET /versions': { rule: 'public' },
  'GET ': { rule: 'public' },
  'GET /schemas/:name': any,
  'GET /schemas/metadefs/:name': any,
  'GET /info/stores': any,
  'GET /info/import': any,
  'GET /info/stores/detail': { rule: 'stores_info_detail' },
  'DELETE /stores/:store/:id': of('delete_image_location', { before: inBothStores }),
  'PUT /images/:id/stage': of('upload_image', {
    headers: bytesType,
    body: () => Buffer.alloc(512),
    before: async (bench) => ({ images: await queued(bench) }),
  }),
  'GET /info/usage': any,
  'GET /images': { rule: 'get_images', target: own },
  'POST /images': { rule: 'add_image', target: own, body: newImage },
  'GET /images/:id': of('get_image'),
  'PATCH /images/:id': of('modify_image', {
    headers: patchType,
    body: (bench) => [{ op: 'replace', path: '/name', value: bench.name() }],
  }),
  'DELETE /images/:id': of('delete_image'),
  'POST /images/:id/actions/deactivate': of('deactivate'),
  'POST /images/:id/actions/reactivate': of('reactivate'),
  'PUT /images/:id/tags/:tag': of('modify_image'),
  'DELETE /images/:id/tags/:tag': of('modify_image', { before: tagged }),
  'PUT /images/:id/file': of('upload_image', {
    headers: bytesType,
    body: () => Buffer.alloc(512),
    before: async (bench) => ({ images: await queued(bench) }),
  }),
  'GET /images/:id/file': of('download_image'),
  'POST /images/:id/import': of('modify_image', {
    body: () => ({ method: { name: 'glance-direct' } }),
    before: async (bench) => ({ images: await staged(bench) }),
  }),
  'GET /images/:id/tasks': of('get_image', { before: imported }),
  'GET /images/:id/locations': of('fetch_image_location'),
  'POST /images/:id/locations': of('add_image_location', {
    body: () => ({ url: 'http://localhost/sample' }),
    before: async (bench) => ({ images: await queued(bench) }),
  }),
  'GET /tasks': { rule: 'tasks_api_access' },
  'POST /tasks': { rule: 'tasks_api_access', body: task },
  'GET /tasks/:id': { rule: 'tasks_api_access' },
  'GET /cache': { rule: 'cache_list', before: fetched },
  'PUT /cache/:id': { rule: 'cache_image' },
  'DELETE /cache/:id': { rule: 'cache_delete', before: cached },
  'DELETE /cache': { rule: 'cache_delete' },
  'POST /cache/clean': { rule: 'cache_clean' },
  'POST /cache/prune': { rule: 'cache_prune' },
  'GET /images/:id/members': of('get_members'),
  'POST /images/:id/members': of('add_member', {
    body: (bench) => ({ member: bench.people.away.otherId }),
  }),
  'GET /images/:id/members/:member': of('get_member'),
  'PUT /images/:id/members/:member': of('modify_member', { body: () => ({ status: 'accepted' }) }),
  'DELETE /images/:id/members/:member': of('delete_member', { before: shared }),
  ...metadefGuards,
}

async function queued(bench: Bench): Promise<string> {
  const as = { who: bench.people.owner }
  return (await bench.ask('image', 'POST', '/images', { ...newImage(bench), visibility: 'shared' }, as)).id
}
function task() {
  return {
    type: 'import',
    input: {
      import_from: 'http://images.sample.test/sample',
      import_from_format: 'raw',
      image_properties: { disk_format: 'raw', container_format: 'bare' },
    },
  }
}
async function staged(bench: Bench): Promise<string> {
  const id = await queued(bench)
  const as = { who: bench.people.owner, headers: bytesType() }
  await bench.ask('image', 'PUT', `/images/${id}/stage`, Buffer.alloc(512), as)
  return id
}
async function imported(bench: Bench) {
  const images = await staged(bench)
  const body = { method: { name: 'glance-direct' } }
  await bench.ask('image', 'POST', `/images/${images}/import`, body, { who: bench.people.owner })
  return { images }
}
async function cached(bench: Bench) {
  await bench.ask('image', 'PUT', `/cache/${ids(bench).images}`)
  return undefined
}
async function fetched(bench: Bench) {
  await cached(bench)
  await bench.cloud.world.advance(cacheTurnMs)
  // And another one that waits.
  await bench.ask('image', 'PUT', `/cache/${await makers.images!(bench)}`)
  return undefined
}
async function inBothStores(bench: Bench) {
  const id = await staged(bench)
  const body = { method: { name: 'glance-direct' }, stores: ['fast', 'slow'] }
  await bench.ask('image', 'POST', `/images/${id}/import`, body, { who: bench.people.owner })
  await bench.cloud.settle()
  return { id }
}
async function tagged(bench: Bench) {
  await bench.ask('image', 'PUT', `/images/${ids(bench).images}/tags/${ids(bench).tags}`)
  return undefined
}
async function shared(bench: Bench) {
  const path = `/images/${ids(bench).images}/members`
  await bench.ask('image', 'DELETE', `${path}/${ids(bench).members}`).catch(() => undefined)
  await bench.ask('image', 'POST', path, { member: ids(bench).members })
  return undefined
}

const makers: Record<string, Maker> = {
  images: async (bench) => {
    const id = await queued(bench)
    const as = { who: bench.people.owner, headers: bytesType() }
    await bench.ask('image', 'PUT', `/images/${id}/file`, Buffer.alloc(512), as)
    return id
  },
  // Shared with a project that none of the callers is in.
  members: async (bench) => {
    const member = bench.people.home.otherId
    await bench.ask('image', 'POST', `/images/${ids(bench).images}/members`, { member })
    return member
  },
  tasks: async (bench) => (await bench.ask('image', 'POST', '/tasks', task())).id,
  ...metadefMakers,
}

export const image: Subject = {
  type: 'image',
  guards,
  makers,
  fixed: () => ({ schemas: 'image', metadefs: 'namespace', stores: 'slow', tags: 'green' }),
  aliases: { id: 'images', cache: 'images' },
  target: ({ people: { home } }) => ({
    project_id: home.projectId,
    owner: home.projectId,
    visibility: 'shared',
    member_id: home.otherId,
  }),
}

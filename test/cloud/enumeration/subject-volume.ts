// Volume's routes: which rule guards each, with what body it is asked, and the samples that it is asked about.
import { randomUUID } from 'node:crypto'
import type { Bench, Guard, Guards, Maker, Subject } from './bench.ts'
import type { Standing } from './evaluate.ts'

const ids = (bench: Bench) => bench.ids.volume!
const own = ({ projectId }: Standing) => ({ project_id: projectId })
/** The path names the caller's project: whoever has none gets no further. */
const refused = ({ projectId }: Standing) => (projectId === undefined ? 400 : undefined)
/** Volumes of other projects aren't there. */
const ofHome = ({ projectId, roles }: Standing, { people }: Bench) =>
  projectId === people.home.projectId || roles.includes('admin')
const of = (rule: string, more: Partial<Guard> = {}): Guard => ({
  rule,
  sees: ofHome,
  refused,
  answers: [400],
  ...more,
})
/** About the caller's own project. */
const mine = (rule: string, more: Partial<Guard> = {}): Guard => ({
  rule,
  target: own,
  refused,
  answers: [400],
  ...more,
})
const any: Guard = { rule: 'token', answers: [400] }

const newVolume = (bench: Bench) => ({ size: 1, name: bench.name() })
const action = (name: string, rule: string, value: unknown, before?: Guard['before']): Guards => ({
  [`POST /volumes/:id/action ${name}`]: of(rule, { body: () => ({ [name]: value }), before }),
})
const actions = 'volume_extension:volume_actions'
const admins = 'volume_extension:volume_admin_actions'
const specs = 'volume_extension:types_extra_specs'
const access = 'volume_extension:volume_type_access'
const connector = { host: 'node1', initiator: 'iqn.2026-01.test:node1', ip: '192.0.2.1', multipath: false }

const guards: Guards = {
  'GET /': { rule: 'public' },
  'GET /v3': { rule: 'public' },
  'GET /extensions': any,
  'GET /extensions/:alias': any,
  'POST /volumes': mine('volume:create', { body: (bench) => ({ volume: newVolume(bench) }) }),
  'GET /volumes': mine('volume:get_all'),
  'GET /volumes/detail': mine('volume:get_all'),
  'GET /volumes/summary': mine('volume:get_all'),
  'GET /volumes/:id': of('volume:get'),
  'PUT /volumes/:id': of('volume:update', { body: (bench) => ({ volume: { name: bench.name() } }) }),
  'DELETE /volumes/:id': of('volume:delete'),
  'GET /volumes/:id/metadata': of('volume:get_volume_metadata'),
  'POST /volumes/:id/metadata': of('volume:create_volume_metadata', {
    body: () => ({ metadata: { key: 'a' } }),
  }),
  'PUT /volumes/:id/metadata': of('volume:update_volume_metadata', {
    body: () => ({ metadata: { key: 'a' } }),
  }),
  'GET /volumes/:id/metadata/:key': of('volume:get_volume_metadata'),
  'PUT /volumes/:id/metadata/:key': of('volume:update_volume_metadata', {
    body: () => ({ meta: { key: 'b' } }),
  }),
  'DELETE /volumes/:id/metadata/:key': of('volume:delete_volume_metadata', { before: withMetadata }),

  ...action('os-extend', 'volume:extend', { new_size: 2 }, fresh),
  ...action('os-reset_status', `${admins}:reset_status`, { status: 'available' }),
  ...action('os-set_bootable', 'volume:update', { bootable: false }),
  ...action('os-update_readonly_flag', 'volume:update_readonly_flag', { readonly: false }),
  ...action('os-set_image_metadata', 'volume_extension:volume_image_metadata:set', {
    metadata: { key: 'a' },
  }),
  ...action(
    'os-unset_image_metadata',
    'volume_extension:volume_image_metadata:remove',
    { key: 'key' },
    async (bench) => {
      const path = `/volumes/${ids(bench).volumes}/action`
      await bench.ask('volume', 'POST', path, { 'os-set_image_metadata': { metadata: { key: 'a' } } })
      return undefined
    },
  ),
  ...action('os-show_image_metadata', 'volume_extension:volume_image_metadata:show', null),
  ...action('os-force_delete', `${admins}:force_delete`, {}, fresh),
  ...action('os-reserve', `${actions}:reserve`, null, fresh),
  ...action('os-unreserve', `${actions}:unreserve`, null, inStatus('attaching')),
  ...action('os-begin_detaching', `${actions}:begin_detaching`, null, attached),
  ...action('os-roll_detaching', `${actions}:roll_detaching`, null, inStatus('detaching')),
  ...action('os-attach', `${actions}:attach`, { host_name: 'node1', mountpoint: '/dev/vdb' }, fresh),
  ...action('os-detach', `${actions}:detach`, {}, attached),
  ...action('os-force_detach', `${admins}:force_detach`, {}, attached),
  ...action('os-initialize_connection', `${actions}:initialize_connection`, { connector }),
  ...action('os-terminate_connection', `${actions}:terminate_connection`, { connector }),

  'POST /attachments': of('volume:attachment_create', {
    body: (bench) => ({ attachment: { volume_uuid: ids(bench).unattached, instance_uuid: randomUUID() } }),
    before: async (bench) => {
      ids(bench).unattached = await makers.volumes!(bench)
      return undefined
    },
  }),
  'GET /attachments': mine('volume:get_all'),
  'GET /attachments/detail': mine('volume:get_all'),
  'GET /attachments/:id': of('volume:get'),
  'PUT /attachments/:id': of('volume:attachment_update', {
    body: () => ({ attachment: { connector } }),
    before: freshAttachment,
  }),
  'DELETE /attachments/:id': of('volume:attachment_delete'),
  'POST /attachments/:id/action os-complete': of('volume:attachment_complete', {
    body: () => ({ 'os-complete': null }),
    before: async (bench) => {
      const attachments = await makers.attachments!(bench)
      await bench.ask('volume', 'PUT', `/attachments/${attachments}`, { attachment: { connector } })
      return { attachments }
    },
  }),

  'GET /types': mine('volume_extension:type_get_all'),
  'POST /types': mine('volume_extension:type_create', {
    body: (bench) => ({ volume_type: { name: bench.name() } }),
  }),
  'GET /types/:id': mine('volume_extension:type_get'),
  'PUT /types/:id': mine('volume_extension:type_update', {
    body: (bench) => ({ volume_type: { description: bench.name() } }),
  }),
  'DELETE /types/:id': mine('volume_extension:type_delete'),
  'GET /types/:id/extra_specs': mine(`${specs}:index`),
  'POST /types/:id/extra_specs': mine(`${specs}:create`, { body: () => ({ extra_specs: { key: 'a' } }) }),
  // What isn't for everybody to see isn't there for others.
  'GET /types/:id/extra_specs/:key': mine(`${specs}:show`, { answers: [400, 404] }),
  'PUT /types/:id/extra_specs/:key': mine(`${specs}:update`, { body: () => ({ key: 'b' }) }),
  'DELETE /types/:id/extra_specs/:key': mine(`${specs}:delete`, {
    before: async (bench) => {
      const path = `/types/${ids(bench).types}/extra_specs`
      await bench.ask('volume', 'POST', path, { extra_specs: { key: 'a' } })
      return undefined
    },
  }),
  'GET /types/:id/os-volume-type-access': mine(`${access}:get_all_for_type`, { before: privateType }),
  'POST /types/:id/action addProjectAccess': mine(`${access}:addProjectAccess`, {
    body: (bench) => ({ addProjectAccess: { project: bench.people.home.otherId } }),
    before: privateType,
  }),
  'POST /types/:id/action removeProjectAccess': mine(`${access}:removeProjectAccess`, {
    body: (bench) => ({ removeProjectAccess: { project: bench.people.home.otherId } }),
    before: async (bench) => {
      const { types } = await privateType(bench)
      const body = { addProjectAccess: { project: bench.people.home.otherId } }
      await bench.ask('volume', 'POST', `/types/${types}/action`, body)
      return { types }
    },
  }),

  'GET /os-quota-sets/:project': of('volume_extension:quotas:show', { sees: undefined }),
  'GET /os-quota-sets/:project/defaults': of('volume_extension:quotas:show', { sees: undefined }),
  'PUT /os-quota-sets/:project': mine('volume_extension:quotas:update', {
    body: () => ({ quota_set: { volumes: 100_000, gigabytes: 100_000 } }),
  }),
  'DELETE /os-quota-sets/:project': mine('volume_extension:quotas:delete', {
    before: async (bench) => ({ 'os-quota-sets': bench.people.home.otherId }),
  }),
  'GET /os-quota-class-sets/:name': mine('volume_extension:quota_classes:get'),
  'PUT /os-quota-class-sets/:name': mine('volume_extension:quota_classes:update', {
    body: () => ({ quota_class_set: { volumes: 10 } }),
  }),
  'GET /limits': mine('limits_extension:used_limits'),
  'GET /os-services': mine('volume_extension:services:index'),
  'PUT /os-services/enable': mine('volume_extension:services:update', { body: service }),
  'PUT /os-services/disable': mine('volume_extension:services:update', { body: service }),
  'PUT /os-services/disable-log-reason': mine('volume_extension:services:update', {
    body: (bench) => ({ ...service(bench), disabled_reason: 'a test' }),
  }),
  'DELETE /os-services/:host': mine('volume_extension:services:delete', {
    before: enabled,
    answers: [400, 409],
  }),
  'GET /os-hosts': mine('volume_extension:hosts'),
  'GET /scheduler-stats/get_pools': mine('scheduler_extension:scheduler_stats:get_pools'),
  'GET /os-availability-zone': any,
}

const volumeHost: Maker = async (bench) =>
  (await bench.ask('volume', 'GET', '/os-services?binary=cinder-volume')).services[0].host

function service(bench: Bench) {
  return { host: ids(bench).host, binary: 'cinder-volume' }
}
/** So it stays: the bench has no other. */
async function enabled(bench: Bench) {
  await bench.ask('volume', 'PUT', '/os-services/enable', service(bench))
  return undefined
}
async function fresh(bench: Bench) {
  return { volumes: await makers.volumes!(bench) }
}
async function withMetadata(bench: Bench) {
  const body = { metadata: { key: 'a' } }
  await bench.ask('volume', 'POST', `/volumes/${ids(bench).volumes}/metadata`, body)
  return undefined
}
function inStatus(status: string) {
  return async (bench: Bench) => {
    const { volumes } = await fresh(bench)
    await bench.ask('volume', 'POST', `/volumes/${volumes}/action`, { 'os-reset_status': { status } })
    return { volumes }
  }
}
async function attached(bench: Bench) {
  const { volumes } = await fresh(bench)
  const body = { 'os-attach': { host_name: 'node1', mountpoint: '/dev/vdb' } }
  await bench.ask('volume', 'POST', `/volumes/${volumes}/action`, body)
  return { volumes }
}
async function freshAttachment(bench: Bench) {
  return { attachments: await makers.attachments!(bench) }
}
async function privateType(bench: Bench) {
  const body = { volume_type: { name: bench.name(), 'os-volume-type-access:is_public': false } }
  return { types: (await bench.ask('volume', 'POST', '/types', body)).volume_type.id as string }
}

const makers: Record<string, Maker> = {
  'os-quota-sets': async (bench) => {
    const quota_set = { volumes: 100_000, gigabytes: 100_000 }
    await bench.ask('volume', 'PUT', `/os-quota-sets/${bench.people.home.projectId}`, { quota_set })
    return bench.people.home.projectId
  },
  host: volumeHost,
  'os-services': volumeHost,
  volumes: async (bench) => {
    const as = { who: bench.people.owner }
    const { id } = (await bench.ask('volume', 'POST', '/volumes', { volume: newVolume(bench) }, as)).volume
    await bench.cloud.settle()
    return id
  },
  metadata: async (bench) => {
    await withMetadata(bench)
    return 'key'
  },
  attachments: async (bench) => {
    const volume_uuid = await makers.volumes!(bench)
    const attachment = { volume_uuid, instance_uuid: randomUUID() }
    return (await bench.ask('volume', 'POST', '/attachments', { attachment })).attachment.id
  },
  unattached: (bench) => makers.volumes!(bench),
  types: async (bench) => {
    const body = { volume_type: { name: bench.name(), extra_specs: { key: 'a' } } }
    return (await bench.ask('volume', 'POST', '/types', body)).volume_type.id
  },
}

export const volume: Subject = {
  type: 'volume',
  guards,
  makers,
  shown: ['types'],
  openToReaders: ['POST /volumes/:id/action os-show_image_metadata'],
  fixed: () => ({ extensions: 'os-hosts', extra_specs: 'key', 'os-quota-class-sets': 'default' }),
  target: ({ people: { home } }) => ({ project_id: home.projectId }),
}

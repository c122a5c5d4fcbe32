// Image's routes of metadata definitions.
import type { Bench, Guard, Guards, Maker } from './bench.ts'
import type { Ids } from './route.ts'

const ids = (bench: Bench) => bench.ids.image!
const at = '/metadefs/namespaces/:namespace'
const of = (rule: string, more: Partial<Guard> = {}): Guard => ({
  rule,
  sees: 'get_metadef_namespace',
  ...more,
})

const namespace = (bench: Bench) => ({
  namespace: bench.name(),
  visibility: 'private',
  display_name: 'A sample',
  description: 'A sample',
})
const object = (bench: Bench) => ({
  name: bench.name(),
  description: 'A sample',
  properties: { size: { title: 'A size', type: 'integer' } },
})
const property = (bench: Bench) => ({
  name: bench.name(),
  title: 'A sample',
  description: 'A sample',
  type: 'string',
  enum: ['a'],
})
const there = (bench: Bench) => `/metadefs/namespaces/${ids(bench).namespaces}`

/** What stands inside a namespace: list, create, delete all, show, change and delete one. */
function inside(
  path: string,
  one: string,
  many: string,
  remove: [string, string],
  body: Guard['body'],
): Guards {
  const another = async (bench: Bench): Promise<Ids> => ({ namespaces: await makers.namespaces!(bench) })
  return {
    [`GET ${at}/${path}`]: of(`get_metadef_${many}`),
    [`POST ${at}/${path}`]: of(`add_metadef_${one}`, { body }),
    [`DELETE ${at}/${path}`]: of(remove[1], { before: another }),
    [`GET ${at}/${path}/:name`]: of(`get_metadef_${one}`),
    [`PUT ${at}/${path}/:name`]: of(`modify_metadef_${one}`, {
      body,
      before: async (bench) => ({ [path]: await makers[path]!(bench) }),
    }),
    [`DELETE ${at}/${path}/:name`]: of(remove[0]),
  }
}

export const metadefGuards: Guards = {
  'GET /metadefs/namespaces': {
    rule: 'get_metadef_namespaces',
    target: ({ projectId }) => ({ project_id: projectId }),
  },
  'POST /metadefs/namespaces': { rule: 'add_metadef_namespace', body: namespace },
  [`GET ${at}`]: of('get_metadef_namespace'),
  [`PUT ${at}`]: of('modify_metadef_namespace', {
    body: namespace,
    before: async (bench) => ({ namespaces: await makers.namespaces!(bench) }),
  }),
  [`DELETE ${at}`]: of('delete_metadef_namespace'),
  ...inside('objects', 'object', 'objects', ['delete_metadef_object', 'delete_metadef_object'], object),
  ...inside(
    'properties',
    'property',
    'properties',
    ['remove_metadef_property', 'remove_metadef_property'],
    property,
  ),
  ...inside('tags', 'tag', 'tags', ['delete_metadef_tag', 'delete_metadef_tags'], (bench) => ({
    name: bench.name(),
  })),
  [`POST ${at}/tags`]: of('add_metadef_tags', { body: (bench) => ({ tags: [{ name: bench.name() }] }) }),
  [`GET ${at}/tags/:name`]: of('get_metadef_tag', { before: madeTag }),
  [`POST ${at}/tags/:name`]: of('add_metadef_tag', { before: async (bench) => ({ tags: bench.name() }) }),
  [`PUT ${at}/tags/:name`]: of('modify_metadef_tag', {
    body: (bench) => ({ name: bench.name() }),
    before: madeTag,
  }),
  [`DELETE ${at}/tags/:name`]: of('delete_metadef_tag', { before: madeTag }),
  'GET /metadefs/resource_types': {
    rule: 'list_metadef_resource_types',
    target: ({ projectId }) => ({ project_id: projectId, visibility: 'public' }),
  },
  [`GET ${at}/resource_types`]: of('get_metadef_resource_type'),
  [`POST ${at}/resource_types`]: of('add_metadef_resource_type_association', {
    body: (bench) => ({ name: `OS::Sample::${bench.name()}`, prefix: 'sample_' }),
  }),
  [`DELETE ${at}/resource_types/:name`]: of('remove_metadef_resource_type_association'),
}

async function madeTag(bench: Bench): Promise<Ids> {
  const tags = bench.name()
  await bench.ask('image', 'POST', `${there(bench)}/tags/${tags}`)
  return { tags }
}

export const makers: Record<string, Maker> = {
  namespaces: async (bench) => {
    const body = namespace(bench)
    await bench.ask('image', 'POST', '/metadefs/namespaces', body)
    return body.namespace
  },
  objects: async (bench) => {
    const body = object(bench)
    await bench.ask('image', 'POST', `${there(bench)}/objects`, body)
    return body.name
  },
  properties: async (bench) => {
    const body = property(bench)
    await bench.ask('image', 'POST', `${there(bench)}/properties`, body)
    return body.name
  },
  resource_types: async (bench) => {
    const name = `OS::Sample::${bench.name()}`
    await bench.ask('image', 'POST', `${there(bench)}/resource_types`, { name, prefix: 'sample_' })
    return name
  },
}

// What all metadata definitions share: names, how a wrong body is put into words, and who may read and write them.
import { Type } from 'typebox'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { body, type Fields, type Problem } from '#kit/http/body.ts'
import { rule } from '#kit/policy/policy.ts'

/** Longest name of a definition of any kind. */
export const mostName = 80

export const metadefName = (description: string) =>
  Type.String({ minLength: 1, maxLength: mostName, description })

/** What a shown part of a namespace has and a new one needn't: clients send back what they were shown. */
export const shownTimes = {
  created_at: Type.Optional(Type.String({ description: 'Ignored' })),
  updated_at: Type.Optional(Type.String({ description: 'Ignored' })),
}

/** Set by the service alone. */
const readOnly = ['self', 'schema', 'created_at', 'updated_at']

export function metadefBody<const F extends Fields>(name: string, fields: F) {
  return body(null, fields, { explain: (problem: Problem) => explain(name, problem) })
}

function explain(name: string, problem: Problem): CloudError {
  const fixed = problem.unknown?.find((key) => readOnly.includes(key))
  if (fixed) return new CloudError('forbidden', `Attribute '${fixed}' is read-only.`)
  const at = problem.path.join('.') || 'the body'
  const reason = problem.unknown
    ? `${problem.unknown.join(', ')} is not known`
    : problem.missing
      ? `${problem.missing.join(', ')} is required`
      : problem.message
  const shown = (JSON.stringify(problem.value) ?? 'nothing').slice(0, 200)
  return new CloudError(
    'badRequest',
    `Provided object does not match schema '${name}': ${at} ${reason}, and is ${shown}`,
  )
}

const project = ['project'] as const
const seen = "project_id:%(project_id)s or 'public':%(visibility)s"
const read = (name: string, what: string) =>
  rule(name, `rule:context_is_admin or (role:reader and (${seen}))`, what, project, { check: seen })
const write = (name: string, what: string) => rule(name, 'rule:metadef_admin', what, project)

export const metadefRules = {
  everyone: rule('metadef_default', '', 'What other rules of metadata definitions may refer to'),
  admin: rule('metadef_admin', 'rule:context_is_admin', 'Who writes metadata definitions'),
  getNamespace: read('get_metadef_namespace', 'Show a namespace of metadata definitions'),
  listNamespaces: rule(
    'get_metadef_namespaces',
    'rule:context_is_admin or (role:reader and project_id:%(project_id)s)',
    'List namespaces of metadata definitions',
    project,
    { check: 'project_id:%(project_id)s' },
  ),
  modifyNamespace: write('modify_metadef_namespace', 'Change a namespace of metadata definitions'),
  addNamespace: write('add_metadef_namespace', 'Create a namespace of metadata definitions'),
  deleteNamespace: write('delete_metadef_namespace', 'Delete a namespace of metadata definitions'),
  getObject: read('get_metadef_object', 'Show an object of a namespace'),
  listObjects: read('get_metadef_objects', 'List the objects of a namespace'),
  modifyObject: write('modify_metadef_object', 'Change an object of a namespace'),
  addObject: write('add_metadef_object', 'Create an object in a namespace'),
  deleteObject: write('delete_metadef_object', 'Delete an object of a namespace'),
  listResourceTypes: read('list_metadef_resource_types', 'List the types of resource that there are'),
  getResourceType: read('get_metadef_resource_type', 'List the types of resource of a namespace'),
  addResourceType: write('add_metadef_resource_type_association', 'Give a namespace a type of resource'),
  removeResourceType: write(
    'remove_metadef_resource_type_association',
    'Take a type of resource from a namespace',
  ),
  getProperty: read('get_metadef_property', 'Show a property of a namespace'),
  listProperties: read('get_metadef_properties', 'List the properties of a namespace'),
  modifyProperty: write('modify_metadef_property', 'Change a property of a namespace'),
  addProperty: write('add_metadef_property', 'Create a property in a namespace'),
  removeProperty: write('remove_metadef_property', 'Delete a property of a namespace'),
  getTag: read('get_metadef_tag', 'Show a tag of a namespace'),
  listTags: read('get_metadef_tags', 'List the tags of a namespace'),
  modifyTag: write('modify_metadef_tag', 'Rename a tag of a namespace'),
  addTag: write('add_metadef_tag', 'Create a tag in a namespace'),
  addTags: write('add_metadef_tags', 'Create several tags in a namespace'),
  deleteTag: write('delete_metadef_tag', 'Delete a tag of a namespace'),
  deleteTags: write('delete_metadef_tags', 'Delete all tags of a namespace'),
}

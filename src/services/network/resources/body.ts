// The bodies of network's calls as JSON schemas, made from the attributes of each resource. They are read by the attributes'
// own readers, once it is known who asks; the schemas are for documents, and for tests that send what breaks them.
import { type TSchema, Type } from 'typebox'
import { type Body, described } from '#kit/http/body.ts'
import { type Attributes, projectReader, type Resource } from './attribute.ts'
import { quotaResources } from './quota.ts'
import { limitReader } from './quota-body.ts'
import { routes } from './subnet.ts'
import { text, toBoolean, uuid } from './value.ts'

const project = projectReader.schema

/** One under the resource's name, or several under the collection's. */
export function createBody({ name, collection, attributes }: Resource<Attributes>): Body<unknown> {
  const members: Record<string, TSchema> = {
    project_id: Type.Optional(project),
    tenant_id: Type.Optional(project),
  }
  for (const [wire, attribute] of Object.entries(attributes)) {
    if (!attribute.post) continue
    const schema = attribute.read?.schema ?? Type.Unknown()
    const needed = attribute.default === undefined && !attribute.optional
    members[wire] = needed ? schema : Type.Optional(schema)
  }
  const item = Type.Object(members, { additionalProperties: false })
  return described(
    Type.Object(
      { [name]: Type.Optional(item), [collection]: Type.Optional(Type.Array(item, { minItems: 1 })) },
      { minProperties: 1 },
    ),
  )
}

export function updateBody({ name, attributes }: Resource<Attributes>): Body<unknown> {
  const members = Object.entries(attributes).flatMap(([wire, { put, read }]) =>
    put ? [[wire, Type.Optional(read?.schema ?? Type.Unknown())]] : [],
  )
  const item = Type.Object(Object.fromEntries(members), { additionalProperties: false })
  return described(Type.Object({ [name]: item }))
}

export const tagsBody = described(Type.Object({ tags: Type.Array(text(255).schema) }))

export const quotaBody = described(
  Type.Object({
    quota: Type.Object(
      {
        ...Object.fromEntries(quotaResources.map((name) => [name, Type.Optional(limitReader.schema)])),
        force: Type.Optional(toBoolean.schema),
        check_limit: Type.Optional(toBoolean.schema),
        // Whose quota it is stands in the path; what is said here counts for nothing.
        project_id: Type.Optional(Type.Unknown()),
        tenant_id: Type.Optional(Type.Unknown()),
      },
      { additionalProperties: false },
    ),
  }),
)

const idOrNull = Type.Optional(Type.Union([uuid.schema, Type.Null()]))
export const interfaceBody = described(Type.Object({ subnet_id: idOrNull, port_id: idOrNull }))

export const extraRoutesBody = described(Type.Object({ router: Type.Object({ routes: routes.schema }) }))

export const agentRouterBody = described(Type.Object({ router_id: Type.String() }))
export const agentNetworkBody = described(Type.Object({ network_id: Type.String() }))

// The calls that every resource has, made from its declaration: list, show, create (one or many), update, delete, and
// its tags. What is special to a resource is in the functions that its own file gives.
import type { Db } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Incoming, Route } from '#kit/http/route.ts'
import type { PolicyRule, PolicyTarget } from '#kit/policy/policy.ts'
import { type NetworkApp, type NetworkContext, route } from '../app.ts'
import { attributeRules, authorizeChange, ensureVisible, isAdmin } from '../ops/access.ts'
import { perform, type Work } from '../ops/change.ts'
import { notify } from '../ops/notify.ts'
import {
  type Attributes,
  bad,
  type CreateOf,
  itemsOf,
  type Resource,
  readCreate,
  readUpdate,
  readValue,
  type UpdateOf,
} from '../resources/attribute.ts'
import { createBody, tagsBody, updateBody } from '../resources/body.ts'
import type { ResourceRules } from '../resources/policy.ts'
import { list as listOf, text } from '../resources/value.ts'
import type { Condition } from '../store/list.ts'
import { type ListSpec, listPage } from './list.ts'
import { showerOf } from './view.ts'

type Stored = { id: string; projectId: string; revision: number; tags: string[]; updatedAt: number }

export type Collection<
  Row extends Stored,
  Whole extends Row,
  A extends Attributes,
  Parent = undefined,
> = Pick<ListSpec, 'table' | 'filters' | 'missing'> & {
  resource: Resource<A>
  /** Below /v2.0. */
  path: string
  rules: ResourceRules
  /** What the caller's lists hold, undefined for all of it; an administrator's hold all. */
  sees(context: NetworkContext): Promise<Condition | undefined>
  whole(app: NetworkApp, db: Db, rows: Row[]): Promise<Whole[]>
  /** What rules may ask about a row. */
  target(db: Db, row: Row): Promise<PolicyTarget>
  /** The network or group that a new one belongs to, seen to be visible, and what rules may ask. */
  parent?(context: NetworkContext, work: Work, given: CreateOf<A>): Promise<Parent>
  createTarget(given: CreateOf<A>, parent: Parent): PolicyTarget
  moreRules?(given: CreateOf<A> | UpdateOf<A>, verb: 'create' | 'update'): PolicyRule[]
  updateTarget?(target: PolicyTarget, given: UpdateOf<A>): PolicyTarget
  /** Before a list: the project's default group comes to be. */
  prepare?(context: NetworkContext): Promise<void>
  create?(context: NetworkContext, work: Work, given: CreateOf<A>, parent: Parent): Promise<Row>
  update?(context: NetworkContext, work: Work, row: Whole, given: UpdateOf<A>): Promise<Row>
  delete?(context: NetworkContext, work: Work, row: Row): Promise<void>
  tags?: boolean
}

export function collectionRoutes<
  Row extends Stored,
  Whole extends Row,
  A extends Attributes,
  Parent = undefined,
>(spec: Collection<Row, Whole, A, Parent>): Route<NetworkApp>[] {
  const { resource, path, rules } = spec
  const routes = [
    route('GET', path, {
      policy: rules.get,
      handle: (context, { query }) => list(spec, context, query),
    }),
    route('GET', `${path}/:id`, {
      policy: 'token',
      handle: async (context, { params, query }) => {
        const { db } = context.app
        const row = await visibleRow(spec, context, db, params.id!)
        const show = showerOf<Whole>(context, resource.attributes, query)
        return { [resource.name]: show((await spec.whole(context.app, db, [row]))[0]!) }
      },
    }),
  ]
  if (spec.create)
    routes.push(
      route('POST', path, {
        policy: 'token',
        body: createBody(resource),
        status: 201,
        handle: (context, { body }) => create(spec, context, body),
      }),
    )
  if (spec.update)
    routes.push(
      route('PUT', `${path}/:id`, {
        policy: 'token',
        body: updateBody(resource),
        handle: (context, incoming) => update(spec, context, incoming),
      }),
    )
  if (spec.delete)
    routes.push(
      route('DELETE', `${path}/:id`, {
        policy: 'token',
        handle: (context, { params, headers }) =>
          perform(at(context), async (work) => {
            const row = await changeableRow(spec, context, work.tx, params.id!, [rules.delete])
            checkRevision(row, headers['if-match'])
            const [before] = await spec.whole(work.app, work.tx, [row])
            await spec.delete!(context, work, row)
            notify(context, work.tx, `${resource.name}.delete.end`, {
              [`${resource.name}_id`]: row.id,
              [resource.name]: facts(spec, before!),
            })
          }),
      }),
    )
  return spec.tags === false ? routes : [...routes, ...tagRoutes(spec)]
}

const at = ({ app, trace }: NetworkContext) => ({ app, trace })

type AnySpec<Row extends Stored> = Pick<
  // biome-ignore lint/suspicious/noExplicitAny: what these need is the same for each resource
  Collection<Row, any, any, any>,
  'table' | 'filters' | 'missing' | 'resource' | 'path' | 'rules' | 'sees' | 'whole' | 'target' | 'prepare'
>

async function list<Row extends Stored>(
  spec: AnySpec<Row>,
  context: NetworkContext,
  query: Incoming<unknown>['query'],
): Promise<Record<string, unknown>> {
  const { app } = context
  const { resource, path } = spec
  await spec.prepare?.(context)
  const seen = isAdmin(context) ? undefined : await spec.sees(context)
  const { rows, links } = await listPage<Row>(
    app.db,
    { ...spec, attributes: resource.attributes, collection: resource.collection },
    query,
    seen === undefined ? [] : [seen],
    `${context.origin}/v2.0${path}`,
  )
  const whole = await spec.whole(app, app.db, rows)
  const show = showerOf<Row>(context, resource.attributes, query)
  return { [resource.collection]: whole.map(show), ...(links && { [`${resource.collection}_links`]: links }) }
}

async function create<Row extends Stored, Whole extends Row, A extends Attributes, Parent>(
  spec: Collection<Row, Whole, A, Parent>,
  context: NetworkContext,
  body: unknown,
): Promise<Record<string, unknown>> {
  const { resource, rules } = spec
  const { items, bulk } = itemsOf(resource, body)
  const { projectId } = context.caller
  const wishes = items.map((item) => readCreate(resource, item, projectId, isAdmin(context)))
  const whole = await perform(at(context), async (work) => {
    const rows: Row[] = []
    for (const { given, named } of wishes) {
      const parent = (await spec.parent?.(context, work, given)) as Parent
      const target = spec.createTarget(given, parent)
      const more = spec.moreRules?.(given, 'create') ?? []
      for (const rule of [rules.create, ...attributeRules(resource, named, 'postRule'), ...more])
        context.authorize(rule, target)
      rows.push(await spec.create!(context, work, given, parent))
    }
    const made = await spec.whole(work.app, work.tx, rows)
    for (const each of made)
      notify(context, work.tx, `${resource.name}.create.end`, { [resource.name]: facts(spec, each) })
    return made
  })
  const show = showerOf<Whole>(context, resource.attributes)
  return bulk ? { [resource.collection]: whole.map(show) } : { [resource.name]: show(whole[0]!) }
}

async function update<Row extends Stored, Whole extends Row, A extends Attributes, Parent>(
  spec: Collection<Row, Whole, A, Parent>,
  context: NetworkContext,
  { params, body, headers }: Incoming<unknown>,
): Promise<Record<string, unknown>> {
  const { resource, rules } = spec
  const whole = await perform(at(context), async (work) => {
    const { given, named } = readUpdate(resource, body)
    const more = spec.moreRules?.(given, 'update') ?? []
    const needed = [rules.update, ...attributeRules(resource, named, 'putRule'), ...more]
    const row = await changeableRow(spec, context, work.tx, params.id!, needed, (target) =>
      spec.updateTarget ? spec.updateTarget(target, given) : target,
    )
    checkRevision(row, headers['if-match'])
    const [before] = await spec.whole(work.app, work.tx, [row])
    const after = await spec.update!(context, work, before!, given)
    const [changed] = await spec.whole(work.app, work.tx, [after])
    notify(context, work.tx, `${resource.name}.update.end`, { [resource.name]: facts(spec, changed!) })
    return changed!
  })
  return { [resource.name]: showerOf<Whole>(context, resource.attributes)(whole) }
}

/** All of it: notifications are for services, whatever the caller may see. */
function facts<Row extends Stored>({ resource }: AnySpec<Row>, row: Row): Record<string, unknown> {
  const attributes: Attributes = resource.attributes
  return Object.fromEntries(
    Object.entries(attributes).flatMap(([name, { get }]) => (get ? [[name, get(row as never)]] : [])),
  )
}

export async function visibleRow<Row extends Stored>(
  spec: AnySpec<Row>,
  context: NetworkContext,
  db: Db,
  id: string,
): Promise<Row> {
  const row = (await findRow(spec, db, id)) as Row | undefined
  const target = row && (await spec.target(db, row))
  return ensureVisible(
    context,
    spec.rules.get,
    row,
    () => target!,
    () => spec.missing(id),
  )
}

/** Ids have 36 characters; clients also look things up by name, and then nothing is found. */
const findRow = <Row extends Stored>({ table }: AnySpec<Row>, db: Db, id: string) =>
  id.length > 36 || id.includes('\0') ? undefined : table.get(db, id)

async function changeableRow<Row extends Stored>(
  spec: AnySpec<Row>,
  context: NetworkContext,
  db: Db,
  id: string,
  rules: readonly PolicyRule[],
  adjust: (target: PolicyTarget) => PolicyTarget = (target) => target,
): Promise<Row> {
  const row = await visibleRow(spec, context, db, id)
  authorizeChange(context, rules, adjust(await spec.target(db, row)))
  return row
}

function checkRevision(row: Stored, ifMatch: string | undefined): void {
  if (ifMatch === undefined) return
  const wanted = /^"?revision_number=(\d+)"?$/.exec(ifMatch.trim())?.[1]
  if (wanted === undefined) throw bad(`Unsupported If-Match value: ${ifMatch.slice(0, 100)}`)
  if (Number(wanted) !== row.revision)
    throw new CloudError(
      'preconditionFailed',
      `Constrained to ${wanted}, but current revision is ${row.revision}`,
      { type: 'RevisionNumberConstraintFailed' },
    )
}

const mostTags = 50

/** https://docs.openstack.org/api-ref/network/v2/#tag-extension-tags */
const tagReader = text(255)
const tagsReader = listOf(tagReader)

function tagRoutes<Row extends Stored>(spec: AnySpec<Row>): Route<NetworkApp>[] {
  const { path, rules, resource, table } = spec
  const tagsOf = async (context: NetworkContext, id: string) =>
    (await visibleRow(spec, context, context.app.db, id)).tags
  const change = (context: NetworkContext, id: string, next: (tags: string[]) => string[]) =>
    perform(at(context), async ({ tx, app }) => {
      const row = await changeableRow(spec, context, tx, id, [rules.update])
      const tags = [...new Set(next(row.tags))]
      if (tags.length > mostTags) throw bad(`The number of tags exceed the per-resource limit of ${mostTags}`)
      await table.update(tx, { id }, { tags, revision: row.revision + 1, updatedAt: app.world.clock.now() })
      return tags
    })
  const missing = (id: string, tag: string) =>
    new CloudError('notFound', `Tag ${tag} for ${resource.collection} with id ${id} could not be found.`, {
      type: 'TagNotFound',
    })
  const readTag = (tag: unknown) => readValue('tags', { read: tagReader }, tag) as string
  return [
    route('GET', `${path}/:id/tags`, {
      policy: 'token',
      handle: async (context, { params }) => ({ tags: await tagsOf(context, params.id!) }),
    }),
    route('PUT', `${path}/:id/tags`, {
      policy: 'token',
      body: tagsBody,
      handle: async (context, { params, body }) => {
        const given = (body as { tags?: unknown } | null)?.tags
        if (given === undefined) throw bad("Invalid tags body: 'tags' is missing")
        const tags = readValue('tags', { read: tagsReader }, given) as string[]
        return { tags: await change(context, params.id!, () => tags) }
      },
    }),
    route('DELETE', `${path}/:id/tags`, {
      policy: 'token',
      handle: async (context, { params }) => void (await change(context, params.id!, () => [])),
    }),
    route('GET', `${path}/:id/tags/:tag`, {
      policy: 'token',
      handle: async (context, { params }) => {
        if (!(await tagsOf(context, params.id!)).includes(params.tag!)) throw missing(params.id!, params.tag!)
        return undefined
      },
    }),
    route('PUT', `${path}/:id/tags/:tag`, {
      policy: 'token',
      status: 201,
      handle: async (context, { params }) => {
        await change(context, params.id!, (tags) => [...tags, readTag(params.tag)])
      },
    }),
    route('DELETE', `${path}/:id/tags/:tag`, {
      policy: 'token',
      handle: async (context, { params }) => {
        await change(context, params.id!, (tags) => {
          if (!tags.includes(params.tag!)) throw missing(params.id!, params.tag!)
          return tags.filter((each) => each !== params.tag)
        })
      },
    }),
  ]
}

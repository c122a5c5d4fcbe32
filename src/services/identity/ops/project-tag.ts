// Decisions about a project's tags.
import { Compile } from 'typebox/compile'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { PolicyRule } from '#kit/policy/policy.ts'
import type { IdentityContext } from '../app.ts'
import { type Project, projectRules, projectTarget, tagName } from '../resources/project.ts'
import { findProject, updateProject } from '../store/project.ts'
import { change, found, notFound, refuseImmutable } from './change.ts'

const mostTags = 80
const isTag = Compile(tagName)

async function projectFor(context: IdentityContext, rule: PolicyRule, id: string): Promise<Project> {
  const row = await findProject(context.app.db, id)
  context.authorize(rule, projectTarget(row))
  return found(row, 'project', id)
}

export async function listTags(context: IdentityContext, id: string): Promise<string[]> {
  return (await projectFor(context, projectRules.listTags, id)).tags
}

export async function hasTag(context: IdentityContext, id: string, tag: string): Promise<void> {
  const row = await projectFor(context, projectRules.getTag, id)
  if (!row.tags.includes(tag)) throw notFound('project tag', tag)
}

/** Undefined takes all tags away, under a rule of its own. */
export async function replaceTags(
  context: IdentityContext,
  id: string,
  tags: readonly string[] | undefined,
): Promise<string[]> {
  const row = await projectFor(context, tags ? projectRules.updateTags : projectRules.deleteTags, id)
  return store(context, row, tags ?? [])
}

export async function addTag(context: IdentityContext, id: string, tag: string): Promise<void> {
  const row = await projectFor(context, projectRules.createTag, id)
  if (!isTag.Check(tag))
    throw new CloudError('badRequest', `'${tag}' is no tag: it is empty, too long or has , or /`)
  if (row.tags.includes(tag)) return
  if (row.tags.length >= mostTags)
    throw new CloudError('badRequest', `A project has at most ${mostTags} tags.`)
  await store(context, row, [...row.tags, tag])
}

export async function removeTag(context: IdentityContext, id: string, tag: string): Promise<void> {
  const row = await projectFor(context, projectRules.deleteTag, id)
  if (!row.tags.includes(tag)) throw notFound('project tag', tag)
  await store(
    context,
    row,
    row.tags.filter((each) => each !== tag),
  )
}

async function store(context: IdentityContext, row: Project, tags: readonly string[]): Promise<string[]> {
  refuseImmutable('project', row, {})
  const list = [...tags]
  await change(context.app, (tx) => updateProject(tx, row.id, { tags: list }))
  return list
}

// Routes of projects and their tags. https://docs.openstack.org/api-ref/identity/v3/#projects
import type { Query } from '#kit/http/route.ts'
import { answer } from '#kit/http/route.ts'
import { route } from '../app.ts'
import { changeProject, createProject, deleteProject, getProject, listProjectsFor } from '../ops/project.ts'
import { familyOf } from '../ops/project-family.ts'
import { addTag, hasTag, listTags, removeTag, replaceTags } from '../ops/project-tag.ts'
import { type Project, projectCreate, projectUpdate, projectView } from '../resources/project.ts'
import { tagsBody } from '../resources/project-tag.ts'
import { listing, truth } from './listing.ts'

const names = ['name', 'domain_id', 'parent_id', 'enabled', 'is_domain']

export const projectRoutes = [
  route('GET', '/projects', {
    policy: 'token',
    handle: async (context, { query }) => {
      const rows = await listProjectsFor(context, {
        name: query.get('name'),
        domainId: query.get('domain_id'),
        parentId: query.get('parent_id'),
        enabled: truth(query, 'enabled'),
        isDomain: truth(query, 'is_domain') ?? false,
      })
      const views = rows.filter((row) => tagsMatch(row, query)).map((row) => projectView(row, context))
      return listing(context, '/projects', query, 'projects', views, names)
    },
  }),
  route('POST', '/projects', {
    policy: 'token',
    body: projectCreate,
    status: 201,
    handle: async (context, { body }) => ({
      project: projectView(await createProject(context, body), context),
    }),
  }),
  route('GET', '/projects/:project_id', {
    policy: 'token',
    handle: async (context, { params, query }) => {
      const row = await getProject(context, params.project_id!)
      return { project: { ...projectView(row, context), ...(await familyOf(context, row, query)) } }
    },
  }),
  route('PATCH', '/projects/:project_id', {
    policy: 'token',
    body: projectUpdate,
    handle: async (context, { params, body }) => ({
      project: projectView(await changeProject(context, params.project_id!, body), context),
    }),
  }),
  route('DELETE', '/projects/:project_id', {
    policy: 'token',
    handle: (context, { params }) => deleteProject(context, params.project_id!),
  }),
  route('GET', '/projects/:project_id/tags', {
    policy: 'token',
    handle: async (context, { params }) => ({
      tags: await listTags(context, params.project_id!),
      links: { self: `${context.origin}/v3/projects/${params.project_id}/tags`, next: null, previous: null },
    }),
  }),
  route('PUT', '/projects/:project_id/tags', {
    policy: 'token',
    body: tagsBody,
    handle: async (context, { params, body }) => ({
      tags: await replaceTags(context, params.project_id!, body.tags),
      links: { self: `${context.origin}/v3/projects/${params.project_id}/tags`, next: null, previous: null },
    }),
  }),
  route('DELETE', '/projects/:project_id/tags', {
    policy: 'token',
    handle: async (context, { params }) => void (await replaceTags(context, params.project_id!, undefined)),
  }),
  route('GET', '/projects/:project_id/tags/:tag', {
    policy: 'token',
    status: 204,
    handle: (context, { params }) => hasTag(context, params.project_id!, params.tag!),
  }),
  route('PUT', '/projects/:project_id/tags/:tag', {
    policy: 'token',
    handle: async (context, { params }) => {
      await addTag(context, params.project_id!, params.tag!)
      const location = `${context.origin}/v3/projects/${params.project_id}/tags/${encodeURIComponent(params.tag!)}`
      return answer({ status: 201, headers: { location } })
    },
  }),
  route('DELETE', '/projects/:project_id/tags/:tag', {
    policy: 'token',
    handle: (context, { params }) => removeTag(context, params.project_id!, params.tag!),
  }),
]

/** Each of the four is a list with commas: all of them, any of them, and the two negations. */
function tagsMatch(row: Project, query: Query): boolean {
  const has = (tag: string) => row.tags.includes(tag)
  const asked = (name: string) => query.get(name)?.split(',')
  return (
    (asked('tags')?.every(has) ?? true) &&
    (asked('tags-any')?.some(has) ?? true) &&
    !(asked('not-tags')?.every(has) ?? false) &&
    !(asked('not-tags-any')?.some(has) ?? false)
  )
}

// Tags of a project, replaced as a whole. https://docs.openstack.org/api-ref/identity/v3/#project-tags
import { body } from '#kit/http/body.ts'
import { tagList } from './project.ts'

export const tagsBody = body(null, { tags: { schema: tagList } }, { extra: 'ignore' })

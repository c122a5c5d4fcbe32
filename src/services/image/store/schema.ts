// All tables of image, and how they came to be.
import { taskMigration, taskTable } from '#kit/task/store.ts'
import { cachedImage } from '../resources/cache.ts'
import { image, imageProperty, imageTag } from '../resources/image.ts'
import { imageLocation, imageRemoval } from '../resources/location.ts'
import { imageMember } from '../resources/member.ts'
import { metadefNamespace } from '../resources/metadef-namespace.ts'
import { metadefObject } from '../resources/metadef-object.ts'
import { metadefProperty } from '../resources/metadef-property.ts'
import { metadefAssociation, metadefResourceType } from '../resources/metadef-resource-type.ts'
import { metadefTag } from '../resources/metadef-tag.ts'
import { imageTask } from '../resources/task.ts'
import { first } from './migrations/0001-first.ts'
import { metadef } from './migrations/0002-metadef.ts'
import { content } from './migrations/0003-content.ts'

export const tables = [
  image,
  imageProperty,
  imageTag,
  imageMember,
  metadefNamespace,
  metadefObject,
  metadefProperty,
  metadefTag,
  metadefResourceType,
  metadefAssociation,
  imageLocation,
  imageRemoval,
  imageTask,
  cachedImage,
  taskTable,
]
export const migrations = [taskMigration, first, metadef, content]

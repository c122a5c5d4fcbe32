// All tables of image, and how they came to be.
import { image, imageProperty, imageTag } from '../resources/image.ts'
import { imageMember } from '../resources/member.ts'
import { metadefNamespace } from '../resources/metadef-namespace.ts'
import { metadefObject } from '../resources/metadef-object.ts'
import { metadefProperty } from '../resources/metadef-property.ts'
import { metadefAssociation, metadefResourceType } from '../resources/metadef-resource-type.ts'
import { metadefTag } from '../resources/metadef-tag.ts'
import { first } from './migrations/0001-first.ts'
import { metadef } from './migrations/0002-metadef.ts'

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
]
export const migrations = [first, metadef]

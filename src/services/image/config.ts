// Options of image.
import { option } from '#kit/config/option.ts'
import { type ConfigOf, section } from '#kit/config/section.ts'

export const imageConfig = section('image', {
  store: option.choice('file', ['file'], 'Where the bytes of images lie'),
  maxSizeGib: option.int(1024, 'The largest image that may be uploaded', { min: 1, unit: 'GiB' }),
  maxProperties: option.int(128, 'How many properties an image may have', { min: 0, unit: 'properties' }),
  maxTags: option.int(128, 'How many tags an image may have', { min: 0, unit: 'tags' }),
  maxMembers: option.int(128, 'How many projects an image may be shared with', { min: 0, unit: 'projects' }),
  userStorageQuotaGib: option.int(0, 'How much all images of a project may hold; 0 is without limit', {
    min: 0,
    unit: 'GiB',
  }),
  propertyProtectionFile: option.text(
    undefined,
    "A file in Glance's form that says who may create, read, update and delete which properties of images",
  ),
  propertyProtectionFormat: option.choice(
    'roles',
    ['roles', 'policies'],
    'Whether that file names roles, or rules of the policy',
  ),
  unifiedLimits: option.bool(
    false,
    "Hold projects to identity's limits image_size_total, image_stage_total, image_count_total and image_count_uploading",
  ),
})
export type ImageConfig = ConfigOf<typeof imageConfig>

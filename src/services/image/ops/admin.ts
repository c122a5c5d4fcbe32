// Who counts as an administrator of images: a rule of the policy, so that operators may say so.
import type { ImageContext } from '../app.ts'
import { imageRules } from '../resources/image.ts'

export function isAdmin(context: ImageContext): boolean {
  return context.allows(imageRules.contextIsAdmin, {})
}

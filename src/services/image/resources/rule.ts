// All rules of image's policy.
import type { PolicyRule } from '#kit/policy/policy.ts'
import { imageRules } from './image.ts'
import { locationRules } from './location.ts'
import { memberRules } from './member.ts'
import { metadefRules } from './metadef.ts'

export const allRules: PolicyRule[] = [imageRules, locationRules, memberRules, metadefRules].flatMap(
  (group): PolicyRule[] => Object.values(group),
)

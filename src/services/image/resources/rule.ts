// All rules of image's policy.
import type { PolicyRule } from '#kit/policy/policy.ts'
import { cacheRules } from './cache.ts'
import { imageRules } from './image.ts'
import { locationRules } from './location.ts'
import { memberRules } from './member.ts'
import { metadefRules } from './metadef.ts'
import { taskRules } from './task.ts'

export const allRules: PolicyRule[] = [
  imageRules,
  locationRules,
  memberRules,
  metadefRules,
  taskRules,
  cacheRules,
].flatMap((group): PolicyRule[] => Object.values(group))

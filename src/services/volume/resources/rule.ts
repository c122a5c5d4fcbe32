// All rules of volume's policy.
import type { PolicyRule } from '#kit/policy/policy.ts'
import { attachmentRules } from './attachment.ts'
import { aliasRules } from './policy.ts'
import { quotaRules } from './quota.ts'
import { volumeRules } from './volume.ts'
import { serviceRules } from './volume-service.ts'
import { volumeTypeRules } from './volume-type.ts'

const groups = [volumeRules, attachmentRules, volumeTypeRules, quotaRules, serviceRules]

export const allRules: PolicyRule[] = [
  ...aliasRules,
  ...groups.flatMap((group): PolicyRule[] => Object.values(group)),
]

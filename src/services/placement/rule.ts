// All of placement's policy rules.
import { allocationRules } from './resources/allocation.ts'
import { aggregateRules, inventoryRules, providerRules, providerTraitRules } from './resources/provider.ts'
import { sharedRules } from './resources/rule.ts'
import { classRules, traitRules } from './resources/vocabulary.ts'

export const placementRules = [
  sharedRules,
  providerRules,
  inventoryRules,
  aggregateRules,
  providerTraitRules,
  classRules,
  traitRules,
  allocationRules,
].flatMap((group) => Object.values(group))

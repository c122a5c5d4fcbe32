// All of placement's policy rules.
import { allocationRules } from './resources/allocation.ts'
import { aggregateRules, inventoryRules, providerRules, providerTraitRules } from './resources/provider.ts'
import { classRules, traitRules } from './resources/vocabulary.ts'

export const placementRules = [
  providerRules,
  inventoryRules,
  aggregateRules,
  providerTraitRules,
  classRules,
  traitRules,
  allocationRules,
].flatMap((group) => Object.values(group))

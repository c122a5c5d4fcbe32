// All routes of placement.
import { allocationRoutes } from './allocation.ts'
import { candidateRoutes } from './candidate.ts'
import { inventoryRoutes } from './inventory.ts'
import { providerRoutes } from './provider.ts'
import { vocabularyRoutes } from './vocabulary.ts'

export const allRoutes = [
  ...vocabularyRoutes,
  ...providerRoutes,
  ...inventoryRoutes,
  ...allocationRoutes,
  ...candidateRoutes,
]

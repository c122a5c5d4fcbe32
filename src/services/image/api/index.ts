// All routes of image.
import { cacheRoutes } from './cache.ts'
import { discoveryRoutes } from './discovery.ts'
import { imageRoutes } from './image.ts'
import { imageDataRoutes } from './image-data.ts'
import { importRoutes } from './import.ts'
import { locationRoutes } from './location.ts'
import { memberRoutes } from './member.ts'
import { metadefRoutes } from './metadef.ts'
import { metadefNamespaceRoutes } from './metadef-namespace.ts'
import { storeRoutes } from './store.ts'
import { taskRoutes } from './task.ts'
import { usageRoutes } from './usage.ts'

export const allRoutes = [
  ...discoveryRoutes,
  ...imageRoutes,
  ...imageDataRoutes,
  ...memberRoutes,
  ...metadefNamespaceRoutes,
  ...metadefRoutes,
  ...usageRoutes,
  ...storeRoutes,
  ...importRoutes,
  ...cacheRoutes,
  ...locationRoutes,
  ...taskRoutes,
]

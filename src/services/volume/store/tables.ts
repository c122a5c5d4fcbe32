// All tables of volume, for the test that holds the migrations against them.
import type { AnyTable } from '#kit/db/table.ts'
import { attachment } from '../resources/attachment.ts'
import { quota, quotaClass } from '../resources/quota.ts'
import { volume } from '../resources/volume.ts'
import { volumeService } from '../resources/volume-service.ts'
import { volumeType, volumeTypeAccess } from '../resources/volume-type.ts'

export const tables: AnyTable[] = [
  volume,
  attachment,
  volumeType,
  volumeTypeAccess,
  quota,
  quotaClass,
  volumeService,
]

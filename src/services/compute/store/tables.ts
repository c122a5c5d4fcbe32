// All tables of compute, for the proof that migrations and declarations agree.
import { taskTable } from '#kit/task/store.ts'
import { aggregate } from '../resources/aggregate.ts'
import { blockDevice } from '../resources/block-device.ts'
import { consoleToken } from '../resources/console.ts'
import { flavor, flavorAccess } from '../resources/flavor.ts'
import { hypervisor } from '../resources/hypervisor.ts'
import { keypair } from '../resources/keypair.ts'
import { quota, quotaClass } from '../resources/quota.ts'
import { requestSpec } from '../resources/request-spec.ts'
import { server } from '../resources/server.ts'
import { serverAction, serverActionEvent } from '../resources/server-action.ts'
import { serverGroup, serverGroupMember } from '../resources/server-group.ts'
import { serverPassword } from '../resources/server-password.ts'
import { service } from '../resources/service.ts'

export const computeTables = [
  taskTable,
  flavor,
  flavorAccess,
  keypair,
  quota,
  quotaClass,
  serverGroup,
  serverGroupMember,
  server,
  requestSpec,
  serverPassword,
  blockDevice,
  serverAction,
  serverActionEvent,
  service,
  hypervisor,
  aggregate,
  consoleToken,
]

// All operations by name.
import { interfaceAttach, interfaceDetach, volumeAttach, volumeDetach } from './device.ts'
import {
  floatingAssociate,
  floatingDisassociate,
  interfaceAdd,
  interfaceRemove,
  networkCreate,
  routerCreate,
} from './network.ts'
import type { OperationKind } from './operation.ts'
import { create, powerOperation, remove } from './server.ts'
import { imageDelete, imageUpload, volumeCreate, volumeDelete, volumeExtend } from './volume.ts'

export const operationKinds = {
  'server create': create,
  'server delete': remove,
  'server stop': powerOperation({ 'os-stop': null }, 'ACTIVE', 'SHUTOFF', 2300),
  'server start': powerOperation({ 'os-start': null }, 'SHUTOFF', 'ACTIVE', 800),
  'server reboot hard': powerOperation({ reboot: { type: 'HARD' } }, 'ACTIVE', 'ACTIVE', 900),
  'server pause': powerOperation({ pause: null }, 'ACTIVE', 'PAUSED', 150),
  'server unpause': powerOperation({ unpause: null }, 'PAUSED', 'ACTIVE', 150),
  'volume attach': volumeAttach,
  'volume detach': volumeDetach,
  'interface attach': interfaceAttach,
  'interface detach': interfaceDetach,
  'volume create': volumeCreate,
  'volume delete': volumeDelete,
  'volume extend': volumeExtend,
  'image upload': imageUpload,
  'image delete': imageDelete,
  'router interface add': interfaceAdd,
  'router interface remove': interfaceRemove,
  'floating IP associate': floatingAssociate,
  'floating IP disassociate': floatingDisassociate,
  'router create': routerCreate,
  'network create': networkCreate,
} satisfies Record<string, OperationKind>

export type OperationName = keyof typeof operationKinds

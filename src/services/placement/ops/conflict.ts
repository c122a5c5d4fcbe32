// The conflicts that placement's clients know by code.
import { CloudError } from '#kit/errors/cloud-error.ts'

export function concurrentUpdate(message: string): CloudError {
  return new CloudError('conflict', message, { type: 'placement.concurrent_update' })
}

export const generationConflict = (actual?: number, given?: number) =>
  concurrentUpdate(
    `resource provider generation conflict${actual === undefined ? '' : ` (actual: ${actual}, given: ${given})`}`,
  )

export function noSuchProvider(uuid: string, what = ''): CloudError {
  return new CloudError('notFound', `No resource provider with uuid ${uuid} found${what}`)
}

export function duplicateName(message: string): CloudError {
  return new CloudError('conflict', message, { type: 'placement.duplicate_name' })
}

export function inventoryInUse(uuid: string, classes: readonly string[]): CloudError {
  return new CloudError(
    'conflict',
    `Inventory for '${classes.join(', ')}' on resource provider '${uuid}' in use.`,
    { type: 'placement.inventory.inuse' },
  )
}

// The conflicts that placement's clients know by code.
import { CloudError } from '#kit/errors/cloud-error.ts'

export function concurrentUpdate(message: string): CloudError {
  return new CloudError('conflict', message, { type: 'placement.concurrent_update' })
}
export const generationConflict = () => concurrentUpdate('resource provider generation conflict')

export function noSuchProvider(uuid: string): CloudError {
  return new CloudError('notFound', `No resource provider with uuid ${uuid} found`)
}
export function duplicateName(message: string): CloudError {
  return new CloudError('conflict', message, { type: 'placement.duplicate_name' })
}

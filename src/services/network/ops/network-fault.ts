// What is said where there is no such network, or it isn't the caller's to see.
import { CloudError } from '#kit/errors/cloud-error.ts'

export function networkNotFound(id: string): CloudError {
  return new CloudError('notFound', `Network ${id} could not be found.`, { type: 'NetworkNotFound' })
}

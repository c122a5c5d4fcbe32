// Who asks: the server that a metadata agent names in its headers, believed only under the shared secret.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { InstanceFacts } from '#kit/metadata-tree/facts.ts'
import { isSignature } from '#kit/metadata-tree/signature.ts'
import type { MetadataContext } from '../app.ts'
import { findFacts } from './facts.ts'

type Headers = Record<string, string | undefined>

/** Throws 'badRequest' for missing headers, 'forbidden' for a wrong signature, 'notFound' where nobody is named so. */
export async function callingServer(context: MetadataContext, headers: Headers): Promise<InstanceFacts> {
  const { config, secret } = context.app
  if (!config.serviceMetadataProxy)
    throw new CloudError('notFound', 'The resource could not be found.', {
      detail: 'service_metadata_proxy is off, so that no metadata agent is believed',
    })
  const instanceId = single(headers, 'X-Instance-ID')
  const tenantId = single(headers, 'X-Tenant-ID')
  const signature = headers['x-instance-id-signature'] ?? ''
  if (!isSignature(secret, instanceId, signature)) {
    context.log.warn(
      { serverId: instanceId, forwardedFor: headers['x-forwarded-for'] },
      'a metadata request had a wrong signature: does its agent know the shared secret?',
    )
    throw new CloudError('forbidden', 'Invalid proxy request signature.')
  }
  const facts = await findFacts(context, instanceId)
  if (!facts) {
    context.log.warn({ serverId: instanceId }, 'compute knows no server that asked for its metadata')
    throw new CloudError('notFound', 'The resource could not be found.')
  }
  if (facts.projectId !== tenantId) {
    context.log.warn(
      { serverId: instanceId, projectId: facts.projectId, tenantId },
      'a metadata request named another project than that of its server',
    )
    throw new CloudError('notFound', 'The resource could not be found.')
  }
  return facts
}

/** Node joins repeated headers by commas, which no id holds. */
function single(headers: Headers, name: string): string {
  const value = headers[name.toLowerCase()]
  if (!value) throw new CloudError('badRequest', `${name} header is missing from request.`)
  if (value.includes(','))
    throw new CloudError('badRequest', `Multiple ${name} headers found within request.`)
  return value
}

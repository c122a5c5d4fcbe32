// The broker that a cloud's configuration names, where it isn't the embedded one.
import { parseTransportUrl, type Transport } from '#kit/bus/transport.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import type { ExternalBroker } from './bus-engine.ts'
import type { CloudSettings } from './settings.ts'

/** Undefined where the cloud runs the embedded broker. */
export async function externalBroker(
  world: World,
  settings: CloudSettings,
): Promise<ExternalBroker | undefined> {
  const transport = await transportOf(world, settings)
  if (!transport) return undefined
  const { transportManagementUrl, transportAuthorityFile, durableQueueType } = settings
  return {
    transport,
    durableQueueType,
    ...(transportAuthorityFile && { authority: await world.files.readText(transportAuthorityFile) }),
    ...(transportManagementUrl && { management: parseManagementUrl(transportManagementUrl) }),
  }
}

async function transportOf(world: World, settings: CloudSettings): Promise<Transport | undefined> {
  const { transportUrl, transportUrlFile } = settings
  if (transportUrl !== undefined && transportUrlFile !== undefined)
    throw new CloudError('badRequest', 'cloud.transport_url and cloud.transport_url_file are both set')
  if (transportUrlFile !== undefined)
    return parseTransportUrl((await world.files.readText(transportUrlFile)).trim())
  return transportUrl === undefined ? undefined : parseTransportUrl(transportUrl)
}

/** 'http://user:password@n1:15672,n2:15672'. Throws 'badRequest' in words without the URL. */
export function parseManagementUrl(text: string): NonNullable<ExternalBroker['management']> {
  const parts = /^(https?):\/\/([^:@/]+):([^@/]+)@([^/?#@]+)\/?$/.exec(text)
  if (!parts)
    throw new CloudError(
      'badRequest',
      'cloud.transport_management_url has the form http://USER:PASSWORD@HOST:PORT,HOST:PORT',
    )
  const [, scheme, user, password, hosts] = parts
  try {
    return {
      urls: hosts!.split(',').map((host) => new URL(`${scheme}://${host}`).origin),
      user: decodeURIComponent(user!),
      password: decodeURIComponent(password!),
    }
  } catch (error) {
    throw new CloudError('badRequest', 'cloud.transport_management_url is not usable', { cause: error })
  }
}

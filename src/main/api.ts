// Where this cloud's APIs are reached, by whom, and whose certificates count there.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type HttpClient, httpClient } from '#kit/http/client.ts'
import type { World } from '#kit/world/world.ts'
import type { Cloud } from './data-folder.ts'
import type { PortName } from './port.ts'
import type { CloudSettings } from './settings.ts'

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host)
}

/** As cloud.tls says; where it says nothing, as soon as anybody beyond this machine can listen in. */
export function usesTls({ tls, listen }: Pick<CloudSettings, 'tls' | 'listen'>): boolean {
  return tls ?? !isLoopback(listen)
}

/** Where this machine itself reaches what listens on `listen`. */
export function ownAddress(listen: string): string {
  if (listen === '0.0.0.0') return '127.0.0.1'
  return listen === '::' ? '::1' : listen
}

/** 'https://192.0.2.1:5000', without a slash at its end. */
export function originOf(
  settings: Pick<CloudSettings, 'tls' | 'listen'>,
  host: string,
  port: number,
): string {
  const named = host.includes(':') ? `[${host}]` : host
  return `${usesTls(settings) ? 'https' : 'http'}://${named}:${port}`
}

/** As the catalog has it. */
export function publicOrigin({ settings, ports }: Pick<Cloud, 'settings' | 'ports'>, name: PortName): string {
  return originOf(settings, settings.publicHost, ports[name])
}

/** The cloud's own authority, where its APIs speak TLS. */
export async function trustedAuthority(world: World, cloud: Cloud): Promise<string | undefined> {
  if (!usesTls(cloud.settings)) return undefined
  const { authority } = cloud.folder
  if (await world.files.exists(authority)) return world.files.readText(authority)
  throw new CloudError('unavailable', `${authority} is not there yet: 'nimbo up' makes it.`)
}

/** Close it after use. */
export async function cloudHttp(world: World, cloud: Cloud): Promise<HttpClient> {
  return httpClient({ ca: await trustedAuthority(world, cloud) })
}

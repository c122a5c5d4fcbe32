// A service's API on what its platform gives to each: a service says only how its own differs from the others'.
import { CloudError } from '../errors/cloud-error.ts'
import { type Authenticate, type HttpService, httpService, type ServiceSpec } from '../http/server.ts'
import type { Platform } from './platform.ts'

/** `authUri` where it isn't identity's usual one. */
export type ApiSpec<App> = Omit<ServiceSpec<App>, 'world' | 'log' | 'journal' | 'authUri'> & {
  authUri?: () => string
}

export function openApi<App>(
  platform: Pick<Platform, 'world' | 'log' | 'journal' | 'endpoint'>,
  spec: ApiSpec<App>,
): Promise<HttpService> {
  const { world, log, journal, endpoint } = platform
  return httpService({
    world,
    log: log.with({ service: spec.name }),
    journal: journal.as(spec.name),
    authUri: () => endpoint('identity'),
    ...spec,
  })
}

/** For one that knows its callers otherwise; `what` it is begins a sentence. */
export function withoutTokens(what: string): Authenticate {
  return async () => {
    throw new CloudError('unauthorized', `${what} takes no tokens of identity.`)
  }
}

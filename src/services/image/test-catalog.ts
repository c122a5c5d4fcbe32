// An identity service that knows a catalog and nothing else, for tests of image services of several regions.
import { routeOf } from '#kit/http/route.ts'
import { type HttpService, httpService } from '#kit/http/server.ts'
import { openPolicy } from '#kit/policy/engine.ts'
import { authenticateBy, type TestPlatform, testCaller } from '#kit/service/test-platform.ts'
import { imageFaults } from './fault.ts'

export type TestCatalog = {
  /** What it says of images in region Far. */
  endpoints: { interface: string; url: string }[]
  /** Whether the owner's token has ended. */
  ended?: boolean
  /** It answers when this is done. */
  gate?: Promise<void>
}

const route = routeOf<object>()

export function catalogService(
  { world, log, journal }: Pick<TestPlatform, 'world' | 'log' | 'journal'>,
  catalog: TestCatalog,
): Promise<HttpService> {
  const answers = route('GET', '/v3/auth/catalog', {
    policy: 'token',
    handle: async () => {
      await catalog.gate
      const far = { region: 'Far', region_id: 'Far' }
      return {
        catalog: [
          { type: 'compute', endpoints: [{ ...far, interface: 'public', url: 'http://nova.test' }] },
          { type: 'image', endpoints: catalog.endpoints.map((each) => ({ ...far, ...each })) },
        ],
      }
    },
  })
  const known = authenticateBy({ owner: testCaller({ roles: ['member'], projectId: 'project-a' }) })
  return httpService({
    ...{ name: 'keystone', app: {}, world, log, journal },
    ...{ routes: [answers], prefixes: [''], faults: imageFaults, policy: openPolicy({ rules: [] }) },
    authenticate: (token, ...more) => known(catalog.ended ? '' : token, ...more),
    authUri: () => '',
  })
}

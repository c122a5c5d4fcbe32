// Wires the console proxy: the page and noVNC's files over HTTP, guests' screens over WebSocket.
import { conductor } from '#contracts/compute.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type FaultFormat, titles } from '#kit/http/fault.ts'
import { answer, routeOf } from '#kit/http/route.ts'
import type { HttpService } from '#kit/http/server.ts'
import { openPolicy } from '#kit/policy/engine.ts'
import { openApi, withoutTokens } from '#kit/service/api.ts'
import type { Platform, RunningService } from '#kit/service/platform.ts'
import type { World } from '#kit/world/world.ts'
import { openWebSocketDoor } from '#kit/ws/websocket.ts'
import type { ConsoleConfig } from './config.ts'
import { relay } from './relay.ts'
import { listStaticFiles, type StaticFiles } from './static.ts'

const name = 'nova-novncproxy'

type Console = { world: World; files: StaticFiles }
export type RunningConsole = RunningService & { app: Console; http: HttpService }

/** Scripts, styles and sockets come from this origin alone; a dashboard may show the page in a frame. */
const contentPolicy =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self' ws: wss:"

const route = routeOf<Console>()
const routes = [
  route('GET', '/*', {
    policy: 'public',
    handle: async ({ app }, { params }) => {
      const file = app.files.get(params['*'] ?? '')
      if (!file) throw new CloudError('notFound', 'There is no such page.')
      return answer({
        headers: {
          'content-type': file.type,
          'content-security-policy': contentPolicy,
          'x-content-type-options': 'nosniff',
          'referrer-policy': 'no-referrer',
          'cache-control': 'no-cache',
        },
        body: await app.world.files.read(file.path),
      })
    },
  }),
]

const faults: FaultFormat = {
  fault: ({ status, message }) => ({
    status,
    body: { error: { code: status, title: titles[status], message } },
  }),
}

export async function openConsole(
  platform: Platform,
  config: ConsoleConfig,
  authority: () => Promise<string>,
): Promise<RunningConsole> {
  const { world } = platform
  const log = platform.log.with({ service: name })
  const journal = platform.journal.as(name)
  const app: Console = { world, files: await listStaticFiles(world) }
  const parts = { world, log, journal, config, authority, conductor: platform.bus.caller(conductor, name) }
  const door = openWebSocketDoor({
    world,
    allowedOrigins: config.allowedOrigins,
    serve: (visitor) => relay(parts, visitor),
  })
  const http = await openApi(platform, {
    name,
    app,
    routes,
    prefixes: [''],
    faults,
    policy: openPolicy({ rules: [] }),
    authenticate: withoutTokens('The console proxy'),
    webSockets: door,
  })
  return {
    name: 'console',
    app,
    http,
    stop: () => http.close(),
  }
}

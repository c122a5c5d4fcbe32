// A small HTTP server behind a unix socket, for peers on the same host.
import { CloudError } from '../errors/cloud-error.ts'
import type { Log } from '../log/log.ts'
import type { World } from '../world/world.ts'
import { type PlainHttpSpec, plainHttpServer } from './plain.ts'

export type { PlainAnswer, PlainRequest } from './plain.ts'

export type UnixHttpSpec = PlainHttpSpec & {
  /** The socket; one that an earlier run left is replaced. At most 107 bytes, by the kernel's limit. */
  path: string
  /** Of the socket's file: who may connect. */
  mode: number
}

const longestPath = 107

export async function unixHttpServer(
  world: World,
  log: Log,
  spec: UnixHttpSpec,
): Promise<{ close(): Promise<void> }> {
  if (Buffer.byteLength(spec.path) > longestPath)
    throw new CloudError('badRequest', `The path of a socket has at most ${longestPath} bytes: ${spec.path}`)
  const server = plainHttpServer(world, log, spec)
  await server.listen({ path: spec.path, mode: spec.mode })
  return server
}

// A request that is answered before its body has come: the answer stands, and what the client still sends is dropped for a
// while, so that it gets to read the answer. Whoever goes on for longer is cut off: by the end of our half first, so that its
// next write fails as on a closed pipe, upon which clients look for an answer.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Timers } from '../world/world.ts'
import { hasConnection } from './chunk.ts'

export const lingerMs = 10_000

export function lingerOn(request: IncomingMessage, reply: ServerResponse, timers: Timers): void {
  if (request.complete !== false || !hasConnection(request)) return
  const { socket } = request
  reply.once('finish', () => {
    if (request.complete) return
    const cancel = timers.after(lingerMs, () => socket.destroySoon(), { background: true })
    request.once('close', cancel)
  })
}

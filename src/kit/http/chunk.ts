// Large bodies come and go in chunks of new memory, 64 KiB each. Left to the garbage collector they make it look through the
// whole heap every few dozen megabytes, which held everything up for a third of an upload's time; so whoever is done with a
// chunk gives its memory back at once.

/** Below it memory is shared with others, or not worth the trouble. */
const leastBytes = 16 * 1024

/** The chunk is empty from now on. Only for one of which nobody else knows; one that is a part of something stays. */
export function freeChunk({ buffer, byteOffset, byteLength }: Uint8Array): void {
  const alone = byteOffset === 0 && buffer.byteLength === byteLength
  if (alone && byteLength >= leastBytes && buffer instanceof ArrayBuffer) buffer.transfer(0)
}

/** Whether a request or an answer goes over a connection: what stays in this process has a mere stand-in for one. */
export function hasConnection({ socket }: { socket?: object | null }): boolean {
  return socket != null && 'destroySoon' in socket
}

/** Whether a request's chunks were made for it by the parser; those of a request within this process are its sender's. */
export function ownsChunks(request: object): boolean {
  return hasConnection(request)
}

// The thread of digest.ts: holds the hashes in progress and tells how much it has taken.
import { createHash, type Hash } from 'node:crypto'
import { parentPort } from 'node:worker_threads'
import type { Algorithm, FromWorker, ToWorker } from './digest.ts'

const streams = new Map<number, [Algorithm, Hash][]>()
const tell = (message: FromWorker) => parentPort!.postMessage(message)

parentPort!.on('message', (message: ToWorker) => {
  const { id } = message
  if (message.kind === 'start') {
    streams.set(
      id,
      message.algorithms.map((algorithm) => [algorithm, createHash(algorithm)]),
    )
    return
  }
  const hashes = streams.get(id)
  if (!hashes) return
  if (message.kind === 'chunk') {
    for (const [, hash] of hashes) hash.update(message.chunk)
    tell({ id, taken: message.chunk.length })
    return
  }
  streams.delete(id)
  if (message.kind === 'end') {
    tell({
      id,
      digests: Object.fromEntries(
        hashes.map(([algorithm, hash]) => [algorithm, hash.digest('hex')]),
      ) as Record<Algorithm, string>,
    })
  }
})

// A thread of digest.ts: holds the hashes in progress of one algorithm and says which slabs it has read.
import { createHash, type Hash } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import type { Algorithm } from './digest.ts'
import type { FromWorker, ToWorker } from './threads.ts'

const algorithm = workerData as Algorithm
const hashes = new Map<number, Hash>()
const tell = (message: FromWorker) => parentPort!.postMessage(message)

parentPort!.on('message', (message: ToWorker) => {
  const { id } = message
  if (message.kind === 'start') {
    hashes.set(id, createHash(algorithm))
    return
  }
  const hash = hashes.get(id)
  if (message.kind === 'slab') {
    hash?.update(message.bytes)
    tell({ slab: message.slab })
    return
  }
  hashes.delete(id)
  if (hash && message.kind === 'end') tell({ id, digest: hash.digest('hex') })
})

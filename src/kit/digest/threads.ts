// The digester of hosts: a thread for each algorithm, so that md5 and sha512 of one stream are computed side by side. Bytes are
// copied once, into shared memory that all threads read: slabs go to them, come back when the last one has read them, and are
// used again, so that a stream of any length takes the same memory.
import { Worker } from 'node:worker_threads'
import type { World } from '../world/world.ts'
import type { Algorithm, Digester, Digests } from './digest.ts'

export type ToWorker =
  | { id: number; kind: 'start' | 'end' | 'abandon' }
  | { id: number; kind: 'slab'; slab: number; bytes: Uint8Array }
export type FromWorker = { slab: number } | { id: number; digest: string }

const slabBytes = 512 * 1024
/** How far the threads may lag behind: on a busy host each of them gets its turn late. */
const slabsOfStream = 16
/** Kept for the next stream; a thread costs some 10 MB, and so all of it goes when nothing was uploaded for a while. */
const slabsKept = 16
const idleMs = 30_000

type Slab = { number: number; bytes: Uint8Array; used: number; readers: number; stream: Stream }
type Stream = {
  id: number
  algorithms: readonly Algorithm[]
  /** Not full yet. */
  filling: Slab | undefined
  /** Slabs that it has, with those that are being read. */
  lent: number
  /** Waits for a slab. */
  wake: (() => void) | undefined
  digests: Partial<Digests>
  result: PromiseWithResolvers<Digests>
}

export function threadedDigester(world: Pick<World, 'timers'>): Digester {
  const open = new Map<number, Stream>()
  const threads = new Map<Algorithm, Worker>()
  const slabs = new Map<number, Slab>()
  const spare: Slab[] = []
  let nextId = 1
  let nextSlab = 1
  let cancelIdle = () => {}

  const threadOf = (algorithm: Algorithm): Worker => {
    const running = threads.get(algorithm)
    if (running) return running
    const started = new Worker(new URL('./worker.ts', import.meta.url), { workerData: algorithm })
    started.unref()
    started.on('message', (message: FromWorker) => {
      if ('slab' in message) readBy(message.slab)
      else finished(message.id, algorithm, message.digest)
    })
    started.on('error', (error) => {
      if (threads.get(algorithm) === started) threads.delete(algorithm)
      for (const stream of open.values())
        if (stream.algorithms.includes(algorithm)) fail(stream, error as Error)
    })
    threads.set(algorithm, started)
    return started
  }

  const readBy = (number: number) => {
    const slab = slabs.get(number)
    if (!slab || --slab.readers > 0) return
    giveBack(slab)
  }
  const giveBack = (slab: Slab) => {
    slab.stream.lent -= 1
    if (spare.length < slabsKept) spare.push(slab)
    else slabs.delete(slab.number)
    slab.stream.wake?.()
  }
  const borrow = (stream: Stream): Slab | undefined => {
    if (stream.lent >= slabsOfStream) return undefined
    stream.lent += 1
    const slab = spare.pop() ?? newSlab(stream)
    return Object.assign(slab, { used: 0, readers: 0, stream })
  }
  const newSlab = (stream: Stream): Slab => {
    const bytes = new Uint8Array(new SharedArrayBuffer(slabBytes))
    const slab = { number: nextSlab++, bytes, used: 0, readers: 0, stream }
    slabs.set(slab.number, slab)
    return slab
  }

  const send = (stream: Stream, message: ToWorker) => {
    for (const algorithm of stream.algorithms) threadOf(algorithm).postMessage(message)
  }
  const sendSlab = (stream: Stream) => {
    const slab = stream.filling!
    stream.filling = undefined
    slab.readers = stream.algorithms.length
    const bytes = slab.bytes.subarray(0, slab.used)
    send(stream, { id: stream.id, kind: 'slab', slab: slab.number, bytes })
  }

  const finished = (id: number, algorithm: Algorithm, digest: string) => {
    const stream = open.get(id)
    if (!stream) return
    stream.digests[algorithm] = digest
    if (stream.algorithms.some((each) => stream.digests[each] === undefined)) return
    forget(stream)
    stream.result.resolve(stream.digests as Digests)
  }
  const fail = (stream: Stream, error: Error) => {
    forget(stream)
    // A thread that is no more gives nothing back.
    for (const [number, slab] of slabs) if (slab.readers > 0 && slab.stream === stream) slabs.delete(number)
    stream.result.reject(error)
    stream.wake?.()
  }
  const forget = (stream: Stream) => {
    open.delete(stream.id)
    if (stream.filling) giveBack(stream.filling)
    stream.filling = undefined
    if (open.size > 0) return
    cancelIdle()
    cancelIdle = world.timers.after(idleMs, () => void stop(), { background: true })
  }
  const stop = async () => {
    for (const stream of open.values()) fail(stream, new Error('the digester was closed'))
    cancelIdle()
    const ending = [...threads.values()]
    threads.clear()
    slabs.clear()
    spare.length = 0
    await Promise.all(ending.map((thread) => thread.terminate()))
  }

  return {
    start(algorithms) {
      cancelIdle()
      const result = Promise.withResolvers<Digests>()
      // Whoever abandons the stream never asks for the result.
      result.promise.catch(() => {})
      const digests: Partial<Digests> = {}
      const id = nextId++
      const stream: Stream = { id, algorithms, filling: undefined, lent: 0, wake: undefined, digests, result }
      open.set(id, stream)
      send(stream, { id, kind: 'start' })
      return {
        async update(chunk) {
          for (let from = 0; from < chunk.length; ) {
            if (!open.has(id)) return void (await result.promise)
            stream.filling ??= borrow(stream)
            const slab = stream.filling
            if (!slab) {
              await new Promise<void>((wake) => {
                stream.wake = wake
              })
              stream.wake = undefined
              continue
            }
            const count = Math.min(slabBytes - slab.used, chunk.length - from)
            slab.bytes.set(count === chunk.length ? chunk : chunk.subarray(from, from + count), slab.used)
            slab.used += count
            from += count
            if (slab.used === slabBytes) sendSlab(stream)
          }
        },
        end() {
          if (!open.has(id)) return result.promise
          if (stream.filling) sendSlab(stream)
          send(stream, { id, kind: 'end' })
          return result.promise
        },
        abandon() {
          if (!open.has(id)) return
          send(stream, { id, kind: 'abandon' })
          forget(stream)
          result.reject(new Error('the stream was abandoned'))
          stream.wake?.()
        },
      }
    },
    close: stop,
  }
}

// Checksums of long streams, computed in a thread of their own: a large upload must not hold up the event loop.
import { createHash } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import type { World } from '../world/world.ts'

export type Algorithm = 'md5' | 'sha256' | 'sha512'

export type Digest = {
  /** Resolves when the thread may be given more; it may lag a few megabytes behind. */
  update(chunk: Uint8Array): Promise<void>
  /** Hexadecimal, by algorithm. */
  end(): Promise<Record<Algorithm, string>>
  /** Forgets it; for a stream that broke. */
  abandon(): void
}

export type Digester = { start(algorithms: readonly Algorithm[]): Digest; close(): Promise<void> }

export type ToWorker =
  | { id: number; kind: 'start'; algorithms: readonly Algorithm[] }
  | { id: number; kind: 'chunk'; chunk: Uint8Array }
  | { id: number; kind: 'end' | 'abandon' }
export type FromWorker = { id: number; taken?: number; digests?: Record<Algorithm, string> }

/** Bytes of one stream that may wait in the thread's queue. */
const maxWaiting = 4 * 1024 * 1024
/** The thread costs some 10 MB, so it goes when nothing is uploaded. */
const idleMs = 30_000

type Open = {
  waiting: number
  free: (() => void) | undefined
  done: (digests: Record<Algorithm, string>) => void
  fail: (error: Error) => void
}

export function openDigester(world: Pick<World, 'timers' | 'threads'>): Digester {
  return world.threads ? threaded(world) : inThisThread
}

const inThisThread: Digester = {
  start(algorithms) {
    const hashes = algorithms.map((algorithm) => [algorithm, createHash(algorithm)] as const)
    return {
      async update(chunk) {
        for (const [, hash] of hashes) hash.update(chunk)
      },
      end: async () =>
        Object.fromEntries(hashes.map(([algorithm, hash]) => [algorithm, hash.digest('hex')])) as Record<
          Algorithm,
          string
        >,
      abandon() {},
    }
  },
  async close() {},
}

function threaded(world: Pick<World, 'timers'>): Digester {
  const open = new Map<number, Open>()
  let worker: Worker | undefined
  let nextId = 1
  let cancelIdle = () => {}

  const running = (): Worker => {
    cancelIdle()
    if (worker) return worker
    const started = new Worker(new URL('./worker.ts', import.meta.url))
    started.unref()
    started.on('message', ({ id, taken, digests }: FromWorker) => {
      const stream = open.get(id)
      if (!stream) return
      if (taken !== undefined) {
        stream.waiting -= taken
        if (stream.waiting < maxWaiting) stream.free?.()
      }
      if (digests) {
        close(id)
        stream.done(digests)
      }
    })
    started.on('error', (error) => {
      worker = undefined
      for (const [id, stream] of open) {
        close(id)
        stream.free?.()
        stream.fail(error as Error)
      }
    })
    worker = started
    return started
  }
  const close = (id: number) => {
    open.delete(id)
    if (open.size > 0) return
    cancelIdle()
    cancelIdle = world.timers.after(idleMs, () => void stop(), { background: true })
  }
  const stop = async () => {
    cancelIdle()
    const ending = worker
    worker = undefined
    await ending?.terminate()
  }

  return {
    start(algorithms) {
      const id = nextId++
      const thread = running()
      const send = (message: ToWorker) => thread.postMessage(message)
      let finish: (digests: Record<Algorithm, string>) => void = () => {}
      let fail: (error: Error) => void = () => {}
      const result = new Promise<Record<Algorithm, string>>((resolve, reject) => {
        finish = resolve
        fail = reject
      })
      // Whoever abandons the stream never asks for the result.
      result.catch(() => {})
      const stream: Open = { waiting: 0, free: undefined, done: finish, fail }
      open.set(id, stream)
      send({ id, kind: 'start', algorithms })
      return {
        async update(chunk) {
          if (!open.has(id)) return void (await result)
          stream.waiting += chunk.length
          send({ id, kind: 'chunk', chunk })
          if (stream.waiting < maxWaiting) return
          await new Promise<void>((resolve) => {
            stream.free = resolve
          })
          stream.free = undefined
        },
        end() {
          if (open.has(id)) send({ id, kind: 'end' })
          return result
        },
        abandon() {
          if (!open.has(id)) return
          send({ id, kind: 'abandon' })
          close(id)
        },
      }
    },
    close: stop,
  }
}

// Checksums of long streams, computed in threads of their own: a large upload must not hold up the event loop.
import { createHash } from 'node:crypto'
import type { World } from '../world/world.ts'
import { threadedDigester } from './threads.ts'

export type Algorithm = 'md5' | 'sha256' | 'sha512'
/** Hexadecimal; only those that were asked for are there. */
export type Digests = Record<Algorithm, string>

export type Digest = {
  /** Resolves when it may be given more, and the chunk is the caller's again: the threads lag a few megabytes behind. */
  update(chunk: Uint8Array): Promise<void>
  end(): Promise<Digests>
  /** Forgets it; for a stream that broke. */
  abandon(): void
}

export type Digester = { start(algorithms: readonly Algorithm[]): Digest; close(): Promise<void> }

export function openDigester(world: Pick<World, 'timers' | 'threads'>): Digester {
  return world.threads ? threadedDigester(world) : inThisThread
}

const inThisThread: Digester = {
  start(algorithms) {
    const hashes = algorithms.map((algorithm) => [algorithm, createHash(algorithm)] as const)
    return {
      async update(chunk) {
        for (const [, hash] of hashes) hash.update(chunk)
      },
      end: async () =>
        Object.fromEntries(hashes.map(([algorithm, hash]) => [algorithm, hash.digest('hex')])) as Digests,
      abandon() {},
    }
  },
  async close() {},
}

// Independent streams of chance from one seed, told apart by name: a draw more in one moves no other.
import { createHash } from 'node:crypto'
import { seededRandom } from '../seeded-random.ts'
import type { Random } from '../world.ts'

export function openStreams(seed: number): (name: string) => Random {
  const streams = new Map<string, Random>()
  return (name) => {
    const found = streams.get(name)
    if (found) return found
    const stream = seededRandom(createHash('sha256').update(`${seed} ${name}`).digest().readUInt32LE(0))
    streams.set(name, stream)
    return stream
  }
}

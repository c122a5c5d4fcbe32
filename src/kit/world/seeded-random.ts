// Chance from a seed.
import type { Random } from './world.ts'

/** xoshiro128** by Blackman and Vigna, seeded by splitmix32: small, fast and the same on each machine. */
export function seededRandom(seed: number): Random {
  const state = new Uint32Array(4)
  let mix = seed >>> 0
  for (let i = 0; i < 4; i++) {
    mix = (mix + 0x9e3779b9) >>> 0
    let z = mix
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    state[i] = (z ^ (z >>> 16)) >>> 0
  }
  const rotate = (x: number, k: number) => (x << k) | (x >>> (32 - k))
  const word = () => {
    const result = Math.imul(rotate(Math.imul(state[1]!, 5), 7), 9) >>> 0
    const t = state[1]! << 9
    state[2]! ^= state[0]!
    state[3]! ^= state[1]!
    state[1]! ^= state[2]!
    state[0]! ^= state[3]!
    state[2]! ^= t
    state[3] = rotate(state[3]!, 11)
    return result
  }
  const bytes = (count: number) => {
    const buffer = Buffer.allocUnsafe(count)
    for (let i = 0; i < count; i++) buffer[i] = word() & 0xff
    return buffer
  }
  const hexId = () => {
    const id = bytes(16)
    id[6] = (id[6]! & 0x0f) | 0x40
    id[8] = (id[8]! & 0x3f) | 0x80
    return id.toString('hex')
  }
  return {
    bytes,
    hexId,
    uuid: () => hexId().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
    int: (min, below) => min + (word() % (below - min)),
  }
}

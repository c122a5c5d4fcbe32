// bcrypt, to check hashes that were made elsewhere: Blowfish with a key schedule that is repeated 2^cost times.
// https://www.usenix.org/legacy/events/usenix99/provos/provos.pdf. It computes where it is called: threads are for others.

/** What Blowfish starts from: the first 1042 words of pi's fraction, 18 for the rounds and four boxes of 256. */
type Start = { readonly rounds: Int32Array; readonly boxes: Int32Array }

const startWords = 18 + 4 * 256
const magic = 'OrpheanBeholderScryDoubt'
const alphabet = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
/** More of a password never counted. */
const bcryptKeyBytes = 72

let start: Start | undefined

/** `salt` is 16 bytes, `cost` the logarithm of the repetitions to base 2. Gives the 23 bytes that a hash keeps. */
export function bcrypt(password: Uint8Array, salt: Uint8Array, cost: number): Buffer {
  start ??= startOf(piWords(startWords))
  const rounds = start.rounds.slice()
  const boxes = start.boxes.slice()
  const key = wordsOf(Buffer.concat([password, Buffer.alloc(1)]).subarray(0, bcryptKeyBytes), 18)
  const salted = wordsOf(salt, 18)
  const nothing = new Int32Array(18)
  // The salt is four words long, and taken round and round.
  expand(rounds, boxes, key, salted)
  for (let left = 2 ** cost; left > 0; left--) {
    expand(rounds, boxes, key, nothing)
    expand(rounds, boxes, salted, nothing)
  }
  const text = wordsOf(Buffer.from(magic), 6)
  for (let at = 0; at < 6; at += 2) {
    const pair = text.subarray(at, at + 2)
    for (let turn = 0; turn < 64; turn++) encipher(rounds, boxes, pair)
  }
  const bytes = Buffer.alloc(24)
  text.forEach((word, index) => {
    bytes.writeInt32BE(word, index * 4)
  })
  return bytes.subarray(0, 23)
}

/** bcrypt's own base64; `count` bytes of it. Undefined where a letter is none of its. */
export function readBcrypt64(text: string, count: number): Buffer | undefined {
  const bytes: number[] = []
  let bits = 0
  let held = 0
  for (const letter of text) {
    const value = alphabet.indexOf(letter)
    if (value < 0) return undefined
    held = ((held << 6) | value) & 0xffff
    bits += 6
    if (bits < 8) continue
    bits -= 8
    bytes.push((held >> bits) & 0xff)
  }
  return bytes.length < count ? undefined : Buffer.from(bytes.slice(0, count))
}

/** One walk over all that the cipher keeps: the key into the rounds, then everything anew from itself and the salt. */
function expand(rounds: Int32Array, boxes: Int32Array, key: Int32Array, salt: Int32Array): void {
  for (let at = 0; at < 18; at++) rounds[at]! ^= key[at]!
  const pair = new Int32Array(2)
  let taken = 0
  for (const part of [rounds, boxes])
    for (let at = 0; at < part.length; at += 2) {
      pair[0]! ^= salt[taken]!
      pair[1]! ^= salt[taken + 1]!
      taken = (taken + 2) % 4
      encipher(rounds, boxes, pair)
      part[at] = pair[0]!
      part[at + 1] = pair[1]!
    }
}

function encipher(rounds: Int32Array, boxes: Int32Array, pair: Int32Array): void {
  let left = pair[0]! ^ rounds[0]!
  let right = pair[1]!
  for (let at = 1; at <= 16; at++) {
    const mixed =
      (((boxes[left >>> 24]! + boxes[256 + ((left >>> 16) & 0xff)]!) ^ boxes[512 + ((left >>> 8) & 0xff)]!) +
        boxes[768 + (left & 0xff)]!) |
      0
    const next = right ^ mixed ^ rounds[at]!
    right = left
    left = next
  }
  pair[0] = right ^ rounds[17]!
  pair[1] = left
}

/** Big-endian words; the bytes are taken round and round. */
function wordsOf(bytes: Uint8Array, count: number): Int32Array {
  const words = new Int32Array(count)
  for (let at = 0; at < count * 4; at++) words[at >> 2] = (words[at >> 2]! << 8) | bytes[at % bytes.length]!
  return words
}

function startOf(words: Int32Array): Start {
  return { rounds: words.slice(0, 18), boxes: words.slice(18) }
}

/** By Machin's formula, with bits to spare for what each division cuts off. */
function piWords(count: number): Int32Array {
  const spare = 64n
  const bits = BigInt(count) * 32n + spare
  const arctan = (of: bigint) => {
    let term = (1n << bits) / of
    let sum = term
    for (let odd = 3n; term !== 0n; odd += 2n) {
      term /= -(of * of)
      sum += term / odd
    }
    return sum
  }
  const pi = 16n * arctan(5n) - 4n * arctan(239n)
  const fraction = (pi >> spare) & ((1n << (bits - spare)) - 1n)
  const hex = fraction.toString(16).padStart(count * 8, '0')
  return Int32Array.from({ length: count }, (_, at) => Number.parseInt(hex.slice(at * 8, at * 8 + 8), 16))
}

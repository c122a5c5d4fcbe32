// Hashes that a keystone made in its other formats, to be checked once: a login stores its password anew in ours.
// Forms: https://passlib.readthedocs.io/en/stable/lib/passlib.hash.html (bcrypt, bcrypt_sha256, pbkdf2_sha512).
import { createHash, createHmac, pbkdf2, pbkdf2Sync, timingSafeEqual } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import type { World } from '../world/world.ts'
import { bcrypt, readBcrypt64 } from './bcrypt.ts'

export type Threads = Pick<World, 'threads'>
/** Whether the password is the one; computed beside the event loop where there are threads. */
export type Check = (world: Threads, password: string) => Promise<boolean>

/** Beyond this one login would hold a thread for a minute. */
const maxBcryptCost = 16
const maxIterations = 5_000_000

/** Undefined where it is in none of these formats. */
export function foreignHash(hash: string): Check | undefined {
  return plainBcrypt(hash) ?? hashedBcrypt(hash) ?? pbkdf2Sha512(hash)
}

function plainBcrypt(hash: string): Check | undefined {
  const match = /^\$2[aby]\$(\d\d)\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})$/.exec(hash)
  return match ? bcryptCheck(Number(match[1]), match[2]!, match[3]!, (password) => password) : undefined
}

/** The password is hashed first, so that all of it counts; since version 2 together with the salt. */
function hashedBcrypt(hash: string): Check | undefined {
  const match =
    /^\$bcrypt-sha256\$(v=2,t=2b,r=|2[ab],)(\d{1,2})\$([./A-Za-z0-9]{22})\$([./A-Za-z0-9]{31})$/.exec(hash)
  if (!match) return undefined
  const [, form, cost, salt, digest] = match as unknown as string[]
  const digestOf = form!.startsWith('v=2')
    ? (password: string) => createHmac('sha256', salt!).update(password).digest('base64')
    : (password: string) => createHash('sha256').update(password).digest('base64')
  return bcryptCheck(Number(cost), salt!, digest!, digestOf)
}

function bcryptCheck(
  cost: number,
  saltText: string,
  digest: string,
  prepare: (password: string) => string,
): Check | undefined {
  const salt = readBcrypt64(saltText, 16)
  const expected = readBcrypt64(digest, 23)
  if (!salt || !expected || cost < 4 || cost > maxBcryptCost) return undefined
  return async ({ threads }, password) => {
    const bytes = Buffer.from(prepare(password))
    const derived = threads ? await inThread(bytes, salt, cost) : bcrypt(bytes, salt, cost)
    return timingSafeEqual(derived, expected)
  }
}

function inThread(password: Uint8Array, salt: Uint8Array, cost: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const workerData = { password, salt, cost }
    const thread = new Worker(new URL('./bcrypt-thread.ts', import.meta.url), { workerData })
    thread.once('message', resolve)
    thread.once('error', reject)
    // After a message this says nothing any more.
    thread.once('exit', (code) => reject(new Error(`The thread that checks a password ended with ${code}`)))
  })
}

function pbkdf2Sha512(hash: string): Check | undefined {
  const match = /^\$pbkdf2-sha512\$(\d{1,7})\$([./A-Za-z0-9]*)\$([./A-Za-z0-9]{86})$/.exec(hash)
  if (!match || Number(match[1]) > maxIterations || Number(match[1]) < 1) return undefined
  const iterations = Number(match[1])
  const [salt, expected] = [match[2]!, match[3]!].map((text) =>
    Buffer.from(text.replaceAll('.', '+'), 'base64'),
  ) as [Buffer, Buffer]
  return async ({ threads }, password) => {
    if (!threads)
      return timingSafeEqual(pbkdf2Sync(password, salt, iterations, expected.length, 'sha512'), expected)
    return new Promise((resolve, reject) => {
      pbkdf2(password, salt, iterations, expected.length, 'sha512', (error, derived) => {
        if (error) reject(error)
        else resolve(timingSafeEqual(derived, expected))
      })
    })
  }
}

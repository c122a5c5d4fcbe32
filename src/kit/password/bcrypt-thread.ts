// The thread of foreign.ts: computes one bcrypt, says what came out, and ends.
import { parentPort, workerData } from 'node:worker_threads'
import { bcrypt } from './bcrypt.ts'

const { password, salt, cost } = workerData as { password: Uint8Array; salt: Uint8Array; cost: number }
parentPort!.postMessage(bcrypt(password, salt, cost))

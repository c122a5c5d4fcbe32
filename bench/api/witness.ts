// What the machine alone makes of requests, in a process of its own: a server that does nothing but answer, and a list of the
// times when the host of this virtual machine held it up. `node witness.ts`, started by disturbance.ts; its port is its first
// message.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { stolenTicks } from './machine.ts'
import type { ProberWord } from './prober.ts'

/** Milliseconds by the wall clock. */
export type Halt = { from: number; to: number }

const lookEveryMs = 10
/** Hundredths of a second between two looks: one may be chance, of a rounded count. */
const leastTicks = 2

const server = createServer((_request, response) => response.end('here')).listen(0, '127.0.0.1', () => {
  process.send!((server.address() as AddressInfo).port)
})
const look = () => ({ at: Date.now(), ticks: stolenTicks(readFileSync('/proc/stat', 'utf8')) })
let halts: Halt[] = []
let looking: NodeJS.Timeout | undefined

process.on('message', (word: ProberWord) => {
  clearInterval(looking)
  if (word === 'stop') return void process.send!(halts)
  halts = []
  let before = look()
  looking = setInterval(() => {
    const now = look()
    if (now.ticks - before.ticks >= leastTicks) halts.push({ from: before.at, to: now.at })
    before = now
  }, lookEveryMs)
})
process.on('disconnect', () => process.exit())

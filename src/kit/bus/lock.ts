// Fingerprints of contracts. An agent of the last release may be on the bus, so a shape changes only with its version.
import { createHash } from 'node:crypto'
import type { Contract } from './contract.ts'

export type LockedContract = { version: string; fingerprint: string }
/** By `exchange/topic`. */
export type ContractLock = Record<string, LockedContract>

/** Equal for equal shapes, whatever the order in which they were written. */
export function fingerprint({ exchange, topic, methods }: Contract): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted({ exchange, topic, methods: shapesOf(methods) })))
    .digest('hex')
    .slice(0, 32)
}

/** What is recorded of a method is no matter between two programs. */
function shapesOf(methods: Contract['methods']): unknown {
  return Object.fromEntries(Object.entries(methods).map(([name, { routine: _, ...shape }]) => [name, shape]))
}

/** Throws where two contracts claim one topic: their servers would take each other's messages. */
export function lockOf(contracts: Iterable<Contract>): ContractLock {
  const lock: ContractLock = {}
  for (const contract of contracts) {
    const name = `${contract.exchange}/${contract.topic}`
    if (lock[name]) throw new Error(`two contracts are on ${name}`)
    lock[name] = { version: contract.version, fingerprint: fingerprint(contract) }
  }
  return Object.fromEntries(Object.entries(lock).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** What is wrong, one sentence for each; empty when the lock holds. */
export function lockProblems(locked: ContractLock, current: ContractLock): string[] {
  const problems: string[] = []
  for (const name of new Set([...Object.keys(locked), ...Object.keys(current)])) {
    const [was, is] = [locked[name], current[name]]
    if (!was) problems.push(`${name} is not in the lock`)
    else if (!is) problems.push(`${name} is in the lock but there is no such contract`)
    else if (was.fingerprint !== is.fingerprint && was.version === is.version)
      problems.push(`${name} changed its shape but is still version ${is.version}`)
    else if (was.fingerprint !== is.fingerprint || was.version !== is.version)
      problems.push(`${name} is version ${is.version} now; the lock has ${was.version}`)
  }
  return problems
}

/** Lists of a schema that mean the same in any order. */
const unordered = new Set(['required', 'enum', 'anyOf', 'allOf'])

function sorted(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => sorted(item))
    return unordered.has(key) ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items
  }
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([name, each]) => [name, sorted(each, name)]))
}

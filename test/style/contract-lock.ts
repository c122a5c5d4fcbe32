// Collects all contracts and their lock. Run as a program it writes the lock anew: node test/style/contract-lock.ts
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Contract } from '#kit/bus/contract.ts'
import { type ContractLock, lockOf } from '#kit/bus/lock.ts'

const root = join(import.meta.dirname, '../..')
const folder = join(root, 'src/contracts')
const lockFile = join(root, 'contracts.lock.json')

export async function currentLock(): Promise<ContractLock> {
  const contracts = new Set<Contract>()
  for (const name of readdirSync(folder)) {
    if (!name.endsWith('.ts') || name.endsWith('.test.ts')) continue
    const exported: Record<string, unknown> = await import(pathToFileURL(join(folder, name)).href)
    for (const value of Object.values(exported)) if (isContract(value)) contracts.add(value)
  }
  return lockOf(contracts)
}

export function storedLock(): ContractLock {
  return JSON.parse(readFileSync(lockFile, 'utf8'))
}

function isContract(value: unknown): value is Contract {
  if (typeof value !== 'object' || value === null) return false
  return 'exchange' in value && 'topic' in value && 'version' in value && 'methods' in value
}

if (import.meta.main) writeFileSync(lockFile, `${JSON.stringify(await currentLock(), null, 2)}\n`)

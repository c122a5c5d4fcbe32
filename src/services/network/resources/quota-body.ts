// Reads the body of PUT /quotas/<project>.
import { bad, readValue } from './attribute.ts'
import { type QuotaResource, quotaResources } from './quota.ts'
import { integer, object, toBoolean } from './value.ts'

/** Columns are 32 bits wide. */
const mostLimit = 2 ** 31 - 1
export const limitReader = integer(-1, mostLimit)

export type QuotaChange = { limits: Partial<Record<QuotaResource, number>>; checkLimit: boolean }

export function readQuota(body: unknown): QuotaChange {
  const wrapped = (body as { quota?: unknown } | null)?.quota
  if (wrapped === undefined) throw bad("Unable to find 'quota' in request body")
  const given = readValue('quota', { read: object }, wrapped) as Record<string, unknown>
  const limits: Record<string, number> = {}
  let checkLimit = false
  for (const [name, value] of Object.entries(given)) {
    // Who owns the quota stands in the path.
    if (name === 'tenant_id' || name === 'project_id') continue
    if (name === 'force') readValue(name, { read: toBoolean }, value)
    else if (name === 'check_limit') checkLimit = readValue(name, { read: toBoolean }, value) as boolean
    else if (isResource(name)) limits[name] = readValue(name, { read: limitReader }, value) as number
    else throw bad(`Unrecognized attribute(s) '${name.slice(0, 100)}'`)
  }
  return { limits, checkLimit }
}

const isResource = (name: string) => (quotaResources as readonly string[]).includes(name)

// Limits that identity holds for a project: its own where it has some, and the registered ones otherwise.
import { restClient } from '#kit/http/client.ts'
import type { Trace } from '#kit/journal/journal.ts'
import type { Platform } from '#kit/service/platform.ts'

/** Sizes count MiB. */
export const quotaNames = [
  'image_size_total',
  'image_stage_total',
  'image_count_total',
  'image_count_uploading',
] as const
export type QuotaName = (typeof quotaNames)[number]

/** What has no registered limit is missing: it isn't limited. -1 is no limit either. */
export type ProjectLimits = Partial<Record<QuotaName, number>>
export type LimitsOf = (trace: Trace, projectId: string) => Promise<ProjectLimits>

type Registered = { resource_name: string; region_id: string | null; default_limit: number }
type Own = {
  resource_name: string
  region_id: string | null
  resource_limit: number
  project_id: string | null
}

export function limitsFromIdentity(
  platform: Pick<Platform, 'http' | 'journal' | 'endpoint' | 'region'>,
  serviceToken: (trace: Trace) => Promise<string>,
): LimitsOf {
  const rest = restClient({
    http: platform.http,
    journal: platform.journal.as('glance-api'),
    baseUrl: () => platform.endpoint('identity'),
    peer: 'keystone',
  })
  return async (trace, projectId) => {
    const token = await serviceToken(trace)
    const [registered, own] = await Promise.all([
      rest.request<{ registered_limits: Registered[] }>(trace, token, 'GET', '/v3/registered_limits'),
      rest.request<{ limits: Own[] }>(trace, token, 'GET', '/v3/limits', {
        query: { project_id: projectId },
      }),
    ])
    const here = (row: { region_id: string | null }) =>
      row.region_id === null || row.region_id === platform.region
    const limits: ProjectLimits = {}
    for (const name of quotaNames) {
      const named = <T extends Registered | Own>(rows: T[]) =>
        rows.filter((row) => row.resource_name === name && here(row))
      const special = named(own.body.limits).find((row) => row.project_id === projectId)
      const general = named(registered.body.registered_limits)
      // One for this region says more than one for all.
      const chosen = general.find((row) => row.region_id !== null) ?? general[0]
      const limit = special?.resource_limit ?? chosen?.default_limit
      if (limit !== undefined) limits[name] = limit
    }
    return limits
  }
}

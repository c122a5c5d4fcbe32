// How long the journal and the audit are kept: section `journal` of nimbo.yaml.
import { option } from '#kit/config/option.ts'
import { type ConfigOf, section } from '#kit/config/section.ts'
import type { Retention } from '#kit/journal/retention.ts'

const events = { min: 1_000, max: 1_000_000_000, unit: 'entries' }

export const journalSection = section('journal', {
  maxEvents: option.int(500_000, 'The most entries of the journal; the oldest go as new ones come', events),
  maxAge: option.duration('14d', 'How old they may get', { min: '1m' }),
  auditMaxEvents: option.int(
    1_000_000,
    'The most entries of the audit, who changed what; the oldest go as new ones come',
    events,
  ),
  auditMaxAge: option.duration(
    '90d',
    'How old they may get. Three months are what most rules for keeping such records ask at least',
    { min: '1m' },
  ),
})

export function retentionOf(config: ConfigOf<typeof journalSection>): {
  journal: Retention
  audit: Retention
} {
  return {
    journal: { maxEvents: config.maxEvents, maxAgeMs: config.maxAge },
    audit: { maxEvents: config.auditMaxEvents, maxAgeMs: config.auditMaxAge },
  }
}

// Options of placement.
import { option } from '#kit/config/option.ts'
import { type ConfigOf, section } from '#kit/config/section.ts'

export const placementConfig = section('placement', {
  maxAllocationCandidates: option.int(
    1000,
    'How many candidates one answer holds where the caller sets no limit',
    {
      min: 1,
      unit: 'candidates',
    },
  ),
})
export type PlacementConfig = ConfigOf<typeof placementConfig>

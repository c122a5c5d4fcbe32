// Options of the L2 agent.
import type { PrepareOptions } from '#drivers/wiring/load.ts'

export type NetworkAgentConfig = PrepareOptions & {
  availabilityZone: string
  /** The user who runs guests and so opens their taps; root by default. */
  guestUid: number
  /** Between two heart-beats; Neutron's report_interval is 30 s. */
  reportMs: number
  /** Between two looks at everything when nobody nudges. */
  reconcileMs: number
  /** Between two looks at the switch itself, for flows that somebody removed by hand. */
  verifyMs: number
}

export const networkAgentDefaults = {
  availabilityZone: 'nova',
  guestUid: 0,
  reportMs: 30_000,
  reconcileMs: 30_000,
  verifyMs: 300_000,
} satisfies Partial<NetworkAgentConfig>

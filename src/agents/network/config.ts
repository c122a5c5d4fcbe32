// Options of the L2 agent.
import { option } from '#kit/config/option.ts'
import { type ConfigOf, section } from '#kit/config/section.ts'

export const networkAgentConfig = section('networkAgent', {
  l2Population: option.bool(
    true,
    'Send frames for guests on other hosts straight to their host, as the network service tells; otherwise by what was learned',
  ),
  arpResponder: option.bool(
    false,
    "Answer guests' ARP for guests on other hosts here instead of asking all hosts; needs l2_population",
  ),
  reconcileInterval: option.duration('30s', 'How often everything is looked at when nobody nudges'),
  verifyInterval: option.duration(
    '5m',
    'How often the switch itself is looked at, for flows that somebody removed',
  ),
  reportInterval: option.duration('30s', 'How often the agent reports that it is up'),
  availabilityZone: option.text('nova', 'The zone in which the agent is listed'),
})
export type NetworkAgentConfig = ConfigOf<typeof networkAgentConfig>

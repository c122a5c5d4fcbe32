// Options of the L3 agent.
import { option } from '#kit/config/option.ts'
import { type ConfigOf, section } from '#kit/config/section.ts'

export const l3AgentConfig = section('l3Agent', {
  enableMetadataProxy: option.bool(
    false,
    'Serve metadata by routers, too: for guests whose network gives no route to it by DHCP',
  ),
  metadataPort: option.port(9697, "Where a router's metadata proxy listens; guests' requests are sent there"),
  reconcileInterval: option.duration('30s', 'How often everything is looked at when nobody nudges'),
  verifyInterval: option.duration(
    '5m',
    'How often rules and routes are written again even if nothing changed',
  ),
  reportInterval: option.duration('30s', 'How often the agent reports that it is up'),
  availabilityZone: option.text('nova', 'The zone in which the agent is listed'),
})
export type L3AgentConfig = ConfigOf<typeof l3AgentConfig>

// Options of the DHCP agent.
import { option } from '#kit/config/option.ts'
import { type ConfigOf, section } from '#kit/config/section.ts'

export const dhcpAgentConfig = section('dhcpAgent', {
  forceMetadata: option.bool(true, 'Serve metadata on every network with DHCP, by a route that DHCP gives'),
  enableIsolatedMetadata: option.bool(
    false,
    'Serve metadata on networks without a router; means nothing with force_metadata',
  ),
  dnsmasqDnsServers: option.list([], 'Where dnsmasq asks for names that it does not know; none by default'),
  dhcpLeaseDuration: option.duration('86400s', 'How long a guest may keep its address without asking again'),
  reconcileInterval: option.duration('30s', 'How often everything is looked at when nobody nudges'),
  reportInterval: option.duration('30s', 'How often the agent reports that it is up'),
  availabilityZone: option.text('nova', 'The zone in which the agent is listed'),
})
export type DhcpAgentConfig = ConfigOf<typeof dhcpAgentConfig>

// Section `agent` of nimbo.yaml: how this host is connected. Every host has its own; each agent's own section lies beside it.
import { option } from '#kit/config/option.ts'
import { type ConfigOf, section } from '#kit/config/section.ts'

export const agentSection = section('agent', {
  localIp: option.text(
    '',
    'Address of this host from which tunnels to others are sent; by default the one by which it reaches the controller, or public_host on the controller',
  ),
  underlay: option.text('', 'Card that holds local_ip; by default found by the address'),
  underlayBridge: option.text(
    '',
    "Bridge beside that card where Open vSwitch runs in user space; by default br-phy with the cloud's suffix",
  ),
  tunnelTypes: option.list(['vxlan', 'gre'], 'Types of tunnel that this host makes'),
  bridgeMappings: option.list(
    [],
    "Physical networks that this host reaches: 'physnet2:br-two', or 'physnet2:br-two:eth2' to make a card a port of the bridge; the controller's host has physnet1 on br-ex besides",
  ),
})
export type AgentSettings = ConfigOf<typeof agentSection>

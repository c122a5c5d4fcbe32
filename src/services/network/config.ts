// Options of network.
import { option } from '#kit/config/option.ts'
import { type ConfigOf, section } from '#kit/config/section.ts'

const quota = (initial: number, what: string) =>
  option.int(initial, `How many ${what} a project may have; -1 is without limit`, { min: -1 })

export const networkConfig = section('network', {
  tenantNetworkTypes: option.list(
    ['vxlan'],
    'Types of network that users get, in order of preference: vxlan, gre, vlan, local',
  ),
  flatNetworks: option.list(
    ['*'],
    'Physical networks on which a flat network may be made; an asterisk is all of them',
  ),
  networkVlanRanges: option.list(
    ['public', 'physnet1:1:4094'],
    'Physical networks with the VLAN ids that users get: physnet1:100:199; without ids an administrator may name any',
  ),
  vniRanges: option.list(['1:1048575'], 'VXLAN identifiers that users get: 1:1000'),
  tunnelIdRanges: option.list(['1:1048575'], 'GRE keys that users get: 1:1000'),
  globalPhysnetMtu: option.int(1500, 'What the physical networks carry', {
    min: 1280,
    max: 65_535,
    unit: 'bytes',
  }),
  baseMac: option.text('fa:16:3e', 'How the MAC addresses of ports begin'),
  dnsDomain: option.text('openstacklocal', 'The domain of ports'),
  defaultAvailabilityZone: option.text('nova', 'The availability zone of agents that name none'),
  agentDownTime: option.duration('75s', 'After this long without a heart-beat an agent counts as dead'),
  maxDnsNameservers: option.int(5, 'DNS servers of one subnet', { min: 0 }),
  maxHostRoutes: option.int(20, 'Host routes of one subnet', { min: 0 }),
  maxFixedIps: option.int(50, 'Addresses of one port', { min: 1 }),
  maxAddressPairs: option.int(10, 'Allowed address pairs of one port', { min: 0 }),
  maxRoutes: option.int(30, 'Extra routes of one router', { min: 0 }),
  quotaNetwork: quota(100, 'networks'),
  quotaSubnet: quota(100, 'subnets'),
  quotaPort: quota(500, 'ports'),
  quotaRouter: quota(10, 'routers'),
  quotaFloatingIp: quota(50, 'floating IPs'),
  quotaSecurityGroup: quota(10, 'security groups'),
  quotaSecurityGroupRule: quota(100, 'security group rules'),
})
export type NetworkConfig = ConfigOf<typeof networkConfig>

// A small host for the flow tests: one guest behind a rule, one open port, a router port, three kinds of network.
import type { PortRule, PortWiring } from '#contracts/network-agent.ts'
import type { Plan, PlannedPort } from './plan.ts'

export const sampleRule = (change: Partial<PortRule>): PortRule => ({
  direction: 'ingress',
  ethertype: 'IPv4',
  protocol: null,
  portMin: null,
  portMax: null,
  remotePrefix: null,
  remoteGroupId: null,
  ...change,
})

export const samplePort = (
  ofport: number,
  localVlan: number,
  change: Partial<PortWiring> = {},
): PlannedPort => ({
  ofport,
  localVlan,
  wiring: {
    portId: `port-${ofport}`,
    networkId: `net-${localVlan}`,
    mac: `fa:16:3e:00:00:${ofport}`,
    fixedIps: [{ subnetId: 'sub', ipAddress: `10.0.0.${ofport}` }],
    mtu: 1450,
    networkType: 'vxlan',
    physicalNetwork: null,
    segmentationId: 100,
    adminUp: true,
    deviceOwner: 'compute:nova',
    deviceId: 'server',
    portSecurityEnabled: true,
    allowedAddressPairs: [],
    securityRules: [],
    tunnelPeers: [],
    generation: 1,
    ...change,
  },
})

export const samplePlan = (change: Partial<Plan> = {}): Plan => ({
  ports: [
    samplePort(11, 1, { securityRules: [sampleRule({ protocol: 6, portMin: 22, portMax: 22 })] }),
    samplePort(12, 1, { portSecurityEnabled: false }),
    samplePort(13, 1, { deviceOwner: 'network:router_interface' }),
  ],
  networks: [
    {
      networkId: 'net-1',
      localVlan: 1,
      type: 'vxlan',
      physicalNetwork: null,
      segmentationId: 100,
      peers: ['10.9.0.2'],
    },
    {
      networkId: 'net-2',
      localVlan: 2,
      type: 'flat',
      physicalNetwork: 'physnet1',
      segmentationId: null,
      peers: [],
    },
    {
      networkId: 'net-3',
      localVlan: 3,
      type: 'vlan',
      physicalNetwork: 'physnet1',
      segmentationId: 101,
      peers: [],
    },
    {
      networkId: 'net-4',
      localVlan: 4,
      type: 'gre',
      physicalNetwork: null,
      segmentationId: 7,
      peers: ['10.9.0.3'],
    },
    {
      networkId: 'net-5',
      localVlan: 5,
      type: 'local',
      physicalNetwork: null,
      segmentationId: null,
      peers: [],
    },
  ],
  patches: { tunnel: 1, physical: { physnet1: 2 } },
  remoteGroups: {},
  ...change,
})

import { expect, test } from 'vitest'
import { bridgeNames } from '../context.ts'
import { toldPeers } from '../underlay.ts'
import { type Flow, flowChanges, flowKey, flowReplacement, flowSet } from './flow.ts'
import { integrationFlows } from './integration.ts'
import { physicalFlows } from './physical.ts'
import { samplePlan, samplePort, sampleRule } from './sample.ts'
import { tunnelFlows, tunnelPortName } from './tunnel.ts'
import { underlayFlows } from './underlay.ts'

const lines = (flows: readonly Flow[], table?: number) =>
  flows
    .filter((flow) => table === undefined || flow.table === table)
    .map((flow) => `${flowKey(flow)} actions=${flow.actions}`)
const none = () => {
  throw new Error('two flows with one key')
}

test('br-int: who comes in, by port and by the tag of the wire', () => {
  expect(lines(integrationFlows(samplePlan()), 0)).toEqual([
    'table=0,priority=0 actions=drop',
    'table=0,priority=10,in_port=11,vlan_tci=0x0000/0x1fff actions=load:0xb->NXM_NX_REG5[],load:0x1->NXM_NX_REG6[],resubmit(,71)',
    'table=0,priority=10,in_port=12,vlan_tci=0x0000/0x1fff actions=load:0x1->NXM_NX_REG6[],resubmit(,60)',
    'table=0,priority=10,in_port=13,vlan_tci=0x0000/0x1fff actions=load:0x1->NXM_NX_REG6[],resubmit(,60)',
    'table=0,priority=3,in_port=1,dl_vlan=1 actions=strip_vlan,load:0x1->NXM_NX_REG6[],resubmit(,60)',
    'table=0,priority=3,in_port=2,vlan_tci=0x0000/0x1fff actions=load:0x2->NXM_NX_REG6[],resubmit(,60)',
    'table=0,priority=3,in_port=2,dl_vlan=101 actions=strip_vlan,load:0x3->NXM_NX_REG6[],resubmit(,60)',
    'table=0,priority=3,in_port=1,dl_vlan=4 actions=strip_vlan,load:0x4->NXM_NX_REG6[],resubmit(,60)',
  ])
})

test('br-int: where frames go, known, for all, and unknown', () => {
  const toAll = 'load:0xb->NXM_NX_REG5[],resubmit(,81),output:12,output:13,mod_vlan_vid:1,output:1'
  expect(lines(integrationFlows(samplePlan()), 60)).toEqual([
    'table=60,priority=20,reg6=0x1,dl_dst=fa:16:3e:00:00:11 actions=load:0xb->NXM_NX_REG5[],resubmit(,81)',
    'table=60,priority=20,reg6=0x1,dl_dst=fa:16:3e:00:00:12 actions=output:12',
    'table=60,priority=20,reg6=0x1,dl_dst=fa:16:3e:00:00:13 actions=output:13',
    `table=60,priority=10,reg6=0x1,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00 actions=${toAll}`,
    'table=60,priority=5,reg6=0x1 actions=output:12,mod_vlan_vid:1,output:1',
    'table=60,priority=10,reg6=0x2,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00 actions=mod_vlan_vid:2,output:2',
    'table=60,priority=5,reg6=0x2 actions=mod_vlan_vid:2,output:2',
    'table=60,priority=10,reg6=0x3,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00 actions=mod_vlan_vid:3,output:2',
    'table=60,priority=5,reg6=0x3 actions=mod_vlan_vid:3,output:2',
    'table=60,priority=10,reg6=0x4,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00 actions=mod_vlan_vid:4,output:1',
    'table=60,priority=5,reg6=0x4 actions=mod_vlan_vid:4,output:1',
    'table=60,priority=10,reg6=0x5,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00 actions=drop',
    'table=60,priority=5,reg6=0x5 actions=drop',
    'table=60,priority=0 actions=drop',
  ])
})

test('a guest may send from its own addresses only', () => {
  const flows = lines(integrationFlows(samplePlan()), 71)
  expect(flows).toContain(
    'table=71,priority=65,ct_state=-trk,ip,reg5=0xb,dl_src=fa:16:3e:00:00:11,nw_src=10.0.0.11 actions=ct(table=72,zone=NXM_NX_REG6[0..15])',
  )
  expect(flows).toContain(
    'table=71,priority=95,arp,reg5=0xb,dl_src=fa:16:3e:00:00:11,arp_sha=fa:16:3e:00:00:11,arp_spa=10.0.0.11 actions=resubmit(,60)',
  )
  expect(flows).toContain(
    'table=71,priority=80,udp,reg5=0xb,dl_src=fa:16:3e:00:00:11,tp_src=68,tp_dst=67 actions=resubmit(,60)',
  )
  expect(flows).toContain('table=71,priority=70,udp,tp_src=67,tp_dst=68 actions=drop')
  expect(flows).toContain('table=71,priority=96,icmp6,icmp_type=134 actions=drop')
  expect(
    flows.filter((flow) => flow.includes('reg5=') && !flow.includes('dl_src=fa:16:3e:00:00:11')),
  ).toEqual([])
  expect(
    flows.filter((flow) => flow.includes('reg5=0xc') || flow.includes('reg5=0xd')),
    'only secured ports',
  ).toEqual([])
})

test('a rule is one flow for new connections and for the first direction of known ones', () => {
  expect(lines(integrationFlows(samplePlan()), 82).filter((flow) => flow.includes('priority=77'))).toEqual([
    'table=82,priority=77,ct_state=+trk-inv-rel-rpl,tcp,tp_dst=22,reg5=0xb actions=resubmit(,83)',
  ])
})

test('members and ports of a remote group add up, they do not multiply', () => {
  const group = (protocol: number) => sampleRule({ protocol, portMin: 22, portMax: 22, remoteGroupId: 'g' })
  const ports = [14, 15, 16].map((ofport) => samplePort(ofport, 1, { securityRules: [group(6), group(17)] }))
  const members = Array.from({ length: 50 }, (_, n) => `10.0.1.${n}`)
  const flows = lines(
    integrationFlows(samplePlan({ ports, remoteGroups: { g: [...members, 'fd00::1'] } })),
    82,
  )
  const conjunctive = flows.filter((flow) => flow.includes('priority=76'))
  expect(conjunctive).toHaveLength(50 + 3 * 2 + 1)
  expect(conjunctive).toContain(
    'table=82,priority=76,ct_state=+trk-inv-rel-rpl,ip,nw_src=10.0.1.7 actions=conjunction(1,1/2)',
  )
  expect(conjunctive).toContain(
    'table=82,priority=76,ct_state=+trk-inv-rel-rpl,tcp,tp_dst=22,reg5=0xe actions=conjunction(1,2/2)',
  )
  expect(conjunctive).toContain(
    'table=82,priority=76,conj_id=1,ct_state=+trk-inv-rel-rpl,ip actions=resubmit(,83)',
  )
})

test('one address in two groups, one protocol from two: the clauses share a flow', () => {
  const rules = ['g', 'h'].map((remoteGroupId) => sampleRule({ protocol: 6, remoteGroupId }))
  const plan = samplePlan({
    ports: [samplePort(14, 1, { securityRules: rules })],
    remoteGroups: { g: ['10.0.1.1'], h: ['10.0.1.1'] },
  })
  const flows = lines(integrationFlows(plan), 82)
  expect(flows).toContain(
    'table=82,priority=76,ct_state=+trk-inv-rel-rpl,ip,nw_src=10.0.1.1 actions=conjunction(1,1/2),conjunction(2,1/2)',
  )
  expect(flows).toContain(
    'table=82,priority=76,ct_state=+trk-inv-rel-rpl,tcp,reg5=0xe actions=conjunction(1,2/2),conjunction(2,2/2)',
  )
})

test('a port that is down has no flow', () => {
  const plan = samplePlan({ ports: [samplePort(11, 1, { adminUp: false })] })
  expect(
    lines(integrationFlows(plan)).filter((flow) => flow.includes('0xb') || flow.includes('in_port=11')),
  ).toEqual([])
})

test('no two flows of a host claim one key', () => {
  const all = [
    sampleRule({}),
    sampleRule({}),
    sampleRule({ remotePrefix: '0.0.0.0/0' }),
    sampleRule({ direction: 'egress' }),
  ]
  const ports = [11, 12].map((ofport) =>
    samplePort(ofport, 1, {
      securityRules: all,
      allowedAddressPairs: [
        { ipAddress: `10.0.0.${ofport}`, macAddress: `fa:16:3e:00:00:${ofport}` },
        { ipAddress: '10.0.0.200', macAddress: 'fa:16:3e:00:00:99' },
      ],
    }),
  )
  expect(flowSet(integrationFlows(samplePlan({ ports })), none).size).toBeGreaterThan(50)
})

test('br-tun: local VLAN tags to tunnel ids and back, by type, to the peers alone', () => {
  const tunnels = [
    { type: 'vxlan' as const, peer: '10.9.0.2', ofport: 5 },
    { type: 'gre' as const, peer: '10.9.0.2', ofport: 6 },
    { type: 'vxlan' as const, peer: '10.9.0.3', ofport: 7 },
    { type: 'gre' as const, peer: '10.9.0.3', ofport: 8 },
  ]
  const plan = { networks: samplePlan().networks, tunnels, patch: 1, cookie: '0x1', arpResponder: false }
  expect(lines(tunnelFlows({ ...plan, remotes: [] }))).toEqual([
    'table=0,priority=1,in_port=1 actions=resubmit(,2)',
    'table=0,priority=1,in_port=5 actions=resubmit(,4)',
    'table=0,priority=1,in_port=6 actions=resubmit(,3)',
    'table=0,priority=1,in_port=7 actions=resubmit(,4)',
    'table=0,priority=1,in_port=8 actions=resubmit(,3)',
    'table=0,priority=0 actions=drop',
    'table=2,priority=0,dl_dst=00:00:00:00:00:00/01:00:00:00:00:00 actions=resubmit(,20)',
    'table=2,priority=0,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00 actions=resubmit(,22)',
    'table=3,priority=0 actions=drop',
    'table=4,priority=0 actions=drop',
    'table=10,priority=1 actions=learn(table=20,hard_timeout=300,priority=1,cookie=0x1,NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:0->NXM_OF_VLAN_TCI[],load:NXM_NX_TUN_ID[]->NXM_NX_TUN_ID[],output:NXM_OF_IN_PORT[]),output:1',
    'table=20,priority=0 actions=resubmit(,22)',
    'table=22,priority=0 actions=drop',
    'table=4,priority=1,tun_id=0x64 actions=mod_vlan_vid:1,resubmit(,10)',
    'table=22,priority=1,dl_vlan=1 actions=strip_vlan,set_tunnel:0x64,output:5',
    'table=3,priority=1,tun_id=0x7 actions=mod_vlan_vid:4,resubmit(,10)',
    'table=22,priority=1,dl_vlan=4 actions=strip_vlan,set_tunnel:0x7,output:8',
  ])
})

test('br-tun: a port on another host is known by its MAC, and ARP for it may be answered here', () => {
  const plan = {
    networks: samplePlan().networks,
    tunnels: [
      { type: 'vxlan' as const, peer: '10.9.0.2', ofport: 5 },
      { type: 'vxlan' as const, peer: '10.9.0.3', ofport: 7 },
    ],
    remotes: [
      {
        networkId: 'net-1',
        mac: 'fa:16:3e:00:00:21',
        ipAddresses: ['10.0.0.33', 'fd00::21'],
        peer: '10.9.0.2',
      },
      // Its host is no peer of the network; of the next, no tunnel of the type leads there; the last is not here.
      { networkId: 'net-1', mac: 'fa:16:3e:00:00:22', ipAddresses: ['10.0.0.34'], peer: '10.9.0.3' },
      { networkId: 'net-4', mac: 'fa:16:3e:00:00:23', ipAddresses: ['10.0.4.35'], peer: '10.9.0.3' },
      { networkId: 'net-9', mac: 'fa:16:3e:00:00:24', ipAddresses: ['10.0.9.36'], peer: '10.9.0.2' },
    ],
    patch: 1,
    cookie: '0x1',
  }
  const told =
    'table=20,priority=2,dl_vlan=1,dl_dst=fa:16:3e:00:00:21 actions=strip_vlan,set_tunnel:0x64,output:5'
  expect(lines(tunnelFlows({ ...plan, arpResponder: false }), 20).slice(1)).toEqual([told])
  expect(lines(tunnelFlows({ ...plan, arpResponder: false }), 21)).toEqual([])
  expect(lines(tunnelFlows({ ...plan, arpResponder: true }), 21)).toEqual([
    'table=21,priority=0 actions=resubmit(,22)',
    'table=21,priority=1,arp,arp_op=1,dl_vlan=1,arp_tpa=10.0.0.33 actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],mod_dl_src:fa:16:3e:00:00:21,load:0x2->NXM_OF_ARP_OP[],move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[],load:0xfa163e000021->NXM_NX_ARP_SHA[],load:0xa000021->NXM_OF_ARP_SPA[],IN_PORT',
  ])
  expect(lines(tunnelFlows({ ...plan, arpResponder: true }), 2)).toContain(
    'table=2,priority=1,arp,dl_dst=ff:ff:ff:ff:ff:ff actions=resubmit(,21)',
  )
})

test('br-phy: only tunnels to this host and answers to its ARP leave the card for the switch', () => {
  expect(lines(underlayFlows('10.9.0.1', ['vxlan', 'gre'], 7))).toEqual([
    'table=0,priority=10,in_port=7,udp,tp_dst=4789,nw_dst=10.9.0.1 actions=LOCAL',
    'table=0,priority=10,in_port=7,ip,nw_proto=47,nw_dst=10.9.0.1 actions=LOCAL',
    'table=0,priority=10,in_port=7,arp,arp_op=2,arp_tpa=10.9.0.1 actions=LOCAL',
    'table=0,priority=5,in_port=7 actions=drop',
    'table=0,priority=1 actions=output:7',
  ])
})

test('ways to peers are read back as the daemon shows them, without those of others', () => {
  const shown = `Route Table:
Cached: 10.9.0.0/24 dev eth1 SRC 10.9.0.1
User: 10.9.0.2/32 dev br-phy SRC 10.9.0.1
User: 10.8.0.3/32 dev br-phy GW 10.9.0.254 SRC 10.9.0.1
User: 10.9.0.4/32 dev br-other SRC 10.9.0.1
`
  expect([...toldPeers(shown, 'br-phy')]).toEqual([
    ['10.9.0.2', ''],
    ['10.8.0.3', '10.9.0.254'],
  ])
})

test('br-ex: flat networks lose their tag, VLAN networks get the wire one', () => {
  expect(lines(physicalFlows(samplePlan().networks, 'physnet1', 9))).toEqual([
    'table=0,priority=0 actions=NORMAL',
    'table=0,priority=2,in_port=9 actions=drop',
    'table=0,priority=4,in_port=9,dl_vlan=2 actions=strip_vlan,NORMAL',
    'table=0,priority=4,in_port=9,dl_vlan=3 actions=mod_vlan_vid:101,NORMAL',
  ])
})

test('names of tunnels and patches', () => {
  expect(tunnelPortName('vxlan', '10.9.0.2')).toBe('vxlan-0a090002')
  expect(tunnelPortName('gre', 'fd00::2').length).toBeLessThanOrEqual(15)
  expect(bridgeNames('').patch('br-ex')).toEqual({ here: 'int-br-ex', there: 'phy-br-ex' })
  expect(bridgeNames('-b').integration).toBe('br-int-b')
})

test('only what differs is sent; a first time replaces all of ours', () => {
  const flow = (priority: number, actions: string): Flow => ({ table: 0, priority, match: 'arp', actions })
  const before = flowSet([flow(1, 'drop'), flow(2, 'drop'), flow(3, 'drop')], none)
  const after = flowSet([flow(1, 'drop'), flow(2, 'NORMAL'), flow(4, 'drop')], none)
  expect(flowChanges(before, after, '0x5')).toEqual([
    'delete_strict cookie=0x5/-1,table=0,priority=3,arp',
    'add cookie=0x5,table=0,priority=2,arp,actions=NORMAL',
    'add cookie=0x5,table=0,priority=4,arp,actions=drop',
  ])
  expect(flowChanges(after, after, '0x5')).toEqual([])
  expect(flowReplacement(after, '0x5')[0]).toBe('delete cookie=0x5/-1')
})

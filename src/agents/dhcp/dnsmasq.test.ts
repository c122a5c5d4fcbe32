import { expect, test } from 'vitest'
import type { DhcpNetwork, SubnetView } from '#contracts/network-agent.ts'
import { type DnsmasqPlan, dnsmasqArguments, dnsmasqFiles, keptLeases } from './dnsmasq.ts'
import { sampleHost, sampleNetwork, sampleSubnet } from './sample.ts'

const plan = (change: Partial<DhcpNetwork> = {}, more: Partial<DnsmasqPlan> = {}): DnsmasqPlan => ({
  network: sampleNetwork(change),
  device: 'tap1332271e-0d',
  ownAddresses: new Map([['sub-1', '10.0.0.66']]),
  metadataSubnets: new Set(['sub-1']),
  folder: '/d/dhcp/net-1',
  dnsServers: [],
  leaseMs: 86_400_000,
  ...more,
})
const subnet = (change: Partial<SubnetView>) => ({ subnets: [{ ...sampleSubnet, ...change }] })

test('the command line of a network', () => {
  expect(dnsmasqArguments(plan()).join('\n')).toBe(
    `--keep-in-foreground
--no-hosts
--no-resolv
--pid-file=/d/dhcp/net-1/pid
--dhcp-hostsfile=/d/dhcp/net-1/host
--addn-hosts=/d/dhcp/net-1/addn_hosts
--dhcp-optsfile=/d/dhcp/net-1/opts
--dhcp-leasefile=/d/dhcp/net-1/leases
--local-service
--bind-dynamic
--dhcp-range=set:subnet-sub-1,10.0.0.64,static,255.255.255.192,86400s
--dhcp-option-force=option:mtu,1450
--dhcp-lease-max=256
--conf-file=/dev/null
--domain=openstacklocal
--local=/openstacklocal/
--interface=tap1332271e-0d
--except-interface=lo
--quiet-dhcp
--quiet-dhcp6
--quiet-ra
--log-facility=-`,
  )
})

test('name servers, a user, a network without domain', () => {
  const given = dnsmasqArguments(plan({ dnsDomain: '' }, { dnsServers: ['9.9.9.9'], user: 'root' }))
  expect(given).toContain('--strict-order')
  expect(given).toContain('--server=9.9.9.9')
  expect(given).toContain('--user=root')
  expect(given.join(' ')).not.toContain('--domain')
})

test('subnets without DHCP and those of SLAAC get no range; stateful IPv6 does', () => {
  const six = {
    ...sampleSubnet,
    subnetId: 'sub-6',
    ipVersion: 6 as const,
    cidr: 'fd00::/64',
    gatewayIp: null,
  }
  const ranges = (subnets: SubnetView[]) =>
    dnsmasqArguments(plan({ subnets })).filter((argument) => argument.startsWith('--dhcp-range'))
  expect(ranges([{ ...sampleSubnet, enableDhcp: false }])).toEqual([])
  expect(ranges([{ ...six, ipv6AddressMode: 'slaac' }])).toEqual([])
  expect(ranges([{ ...six, ipv6AddressMode: 'dhcpv6-stateful' }])).toEqual([
    '--dhcp-range=set:subnet-sub-6,fd00::,static,64,86400s',
  ])
})

test('each guest has its line, its name and no one else its address', () => {
  const { host, addn_hosts } = dnsmasqFiles(plan({ hosts: [sampleHost(71), sampleHost(70)] }))
  expect(host).toBe(
    'fa:16:3e:00:01:46,host-10-0-0-70.openstacklocal,10.0.0.70\n' +
      'fa:16:3e:00:01:47,host-10-0-0-71.openstacklocal,10.0.0.71\n',
  )
  expect(addn_hosts.split('\n')[0]).toBe('10.0.0.70\thost-10-0-0-70.openstacklocal host-10-0-0-70')
})

test('guests learn the way to metadata and the default way in one option (row 200)', () => {
  expect(dnsmasqFiles(plan()).opts).toBe(
    `tag:subnet-sub-1,option:classless-static-route,169.254.169.254/32,10.0.0.66,0.0.0.0/0,10.0.0.126
tag:subnet-sub-1,249,169.254.169.254/32,10.0.0.66,0.0.0.0/0,10.0.0.126
tag:subnet-sub-1,option:router,10.0.0.126
tag:subnet-sub-1,option:dns-server,10.0.0.66
`,
  )
})

test("without metadata's route and routes of its own a subnet needs only its router", () => {
  const { opts } = dnsmasqFiles(
    plan(subnet({ dnsNameservers: ['9.9.9.9', '1.1.1.1'] }), { metadataSubnets: new Set() }),
  )
  expect(opts).toBe(
    'tag:subnet-sub-1,option:router,10.0.0.126\ntag:subnet-sub-1,option:dns-server,9.9.9.9,1.1.1.1\n',
  )
})

test('host routes come along, and a subnet without gateway names no router', () => {
  const { opts } = dnsmasqFiles(
    plan(subnet({ gatewayIp: null, hostRoutes: [{ destination: '172.16.0.0/12', nexthop: '10.0.0.65' }] })),
  )
  expect(opts).toContain(
    'option:classless-static-route,169.254.169.254/32,10.0.0.66,172.16.0.0/12,10.0.0.65\n',
  )
  expect(opts).toContain('tag:subnet-sub-1,option:router\n')
})

test("a port's own options hold for it alone", () => {
  const options = [
    { name: 'bootfile-name', value: 'pxelinux.0', ipVersion: 4 as const },
    { name: '42', value: '10.0.0.1', ipVersion: 4 as const },
  ]
  const { host, opts } = dnsmasqFiles(plan({ hosts: [sampleHost(70, { options })] }))
  expect(host).toContain('fa:16:3e:00:01:46,set:port-port-70,host-10-0-0-70.openstacklocal,')
  expect(opts).toContain('tag:port-port-70,option:bootfile-name,pxelinux.0\ntag:port-port-70,42,10.0.0.1\n')
})

test("what users write can't add lines to dnsmasq's files", () => {
  const evil = sampleHost(70, {
    hostname: 'x,10.0.0.1\nff:ff',
    options: [
      { name: 'router', value: '1.1.1.1\ntag:subnet-sub-1,option:router,6.6.6.6', ipVersion: 4 },
      { name: 'a,b', value: 'c', ipVersion: 4 },
    ],
  })
  const files = dnsmasqFiles(plan({ hosts: [evil] }))
  expect(files.host).toBe('fa:16:3e:00:01:46,host-10-0-0-70.openstacklocal,10.0.0.70\n')
  expect(files.opts).not.toContain('6.6.6.6')
  expect(files.opts).not.toContain('a,b')
})

test('a lease whose address belongs to another port now is dropped', () => {
  const mine = '1795219200 fa:16:3e:00:01:46 10.0.0.70 host-10-0-0-70 *'
  const old = '1795219200 fa:16:3e:ff:ff:ff 10.0.0.71 * 01:fa:16:3e:ff:ff:ff'
  const six = 'duid 00:01:00:01\n1795219200 1 fd00::5 * 00:01'
  expect(
    keptLeases(`${mine}\n${six}\n`, [
      sampleHost(70, {
        fixedIps: [
          { subnetId: 'sub-1', ipAddress: '10.0.0.70' },
          { subnetId: 'sub-6', ipAddress: 'fd00::5' },
        ],
      }),
    ]),
  ).toBeUndefined()
  expect(keptLeases(`${mine}\n${old}\n`, [sampleHost(70), sampleHost(71)])).toBe(`${mine}\n`)
})

import { expect, test } from 'vitest'
import { advertised, advertisementArguments } from './advertisement.ts'
import { sampleInterface } from './sample.ts'

const subnet = (
  subnetId: string,
  cidr: string,
  ipv6RaMode: string | null,
  dnsNameservers: string[] = [],
) => ({
  ...sampleInterface.subnets[0]!,
  subnetId,
  cidr,
  ipVersion: 6 as const,
  ipv6RaMode,
  ipv6AddressMode: ipv6RaMode,
  dnsNameservers,
})
const all = [
  subnet('a', 'fd00:a::/64', 'slaac', ['1.1.1.1', 'fd00::53']),
  subnet('b', 'fd00:b::/64', 'dhcpv6-stateless'),
  subnet('c', 'fd00:c::/64', 'dhcpv6-stateful'),
  subnet('d', 'fd00:d::/64', null),
  subnet('e', 'fd00:e::/64', 'slaac'),
]
/** It has an address in each but the last. */
const port = {
  ...sampleInterface,
  subnets: [...sampleInterface.subnets, ...all],
  fixedIps: [
    ...sampleInterface.fixedIps,
    ...all
      .slice(0, 4)
      .map(({ subnetId, cidr }) => ({ subnetId, ipAddress: cidr.replace('/64', '1'), prefix: 64 })),
  ],
}

test('each mode asks for its flags; what has no mode, or no address of the router, is not announced', () => {
  const device = 'qr-5c6d7e8f-90'
  expect(
    advertised({ interfaces: [port] }).map(({ prefix, mode, length }) => `${prefix} ${mode} ${length}`),
  ).toEqual(['fd00:a:: ra-only 64', 'fd00:b:: ra-stateless 64', 'fd00:c:: static 64'])
  const words = advertisementArguments(advertised({ interfaces: [port] }), '/data/neutron/ra/r.pid')
  expect(words.filter((word) => /interface=q|ra-param|dhcp-(range|option)/.test(word))).toEqual([
    `--interface=${device}`,
    `--ra-param=${device},60,180`,
    '--dhcp-range=fd00:a::,ra-only,64',
    '--dhcp-range=fd00:b::,ra-stateless,64',
    '--dhcp-range=fd00:c::,static,64',
    `--dhcp-option=tag:${device},option6:dns-server,[fd00::53]`,
  ])
  expect(advertised({ interfaces: [sampleInterface] })).toEqual([])
})

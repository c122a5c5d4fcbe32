import { expect, test } from 'vitest'
import { addressesOf, nextFree } from './public-cidr.ts'

test('a second cloud on a host gets the next network', () => {
  expect(nextFree('172.24.4.0/24', ['127.0.0.1', '10.0.0.7'])).toBe('172.24.4.0/24')
  expect(nextFree('172.24.4.0/24', ['172.24.4.1', '172.24.5.1'])).toBe('172.24.6.0/24')
})

test("the host's addresses are read as iproute2 tells them", () => {
  const told = [
    { ifname: 'lo', addr_info: [{ local: '127.0.0.1' }] },
    {},
    { addr_info: [{ local: '172.24.4.1' }, { local: '10.0.0.2' }] },
  ]
  expect(addressesOf(JSON.stringify(told))).toEqual(['127.0.0.1', '172.24.4.1', '10.0.0.2'])
  expect(addressesOf('')).toEqual([])
})

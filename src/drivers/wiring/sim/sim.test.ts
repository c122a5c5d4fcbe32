import { expect, test } from 'vitest'
import { virtualWorld } from '#kit/world/virtual.ts'
import { wiringConformance } from '../conformance.ts'
import { simFabric } from './fabric.ts'
import { openSimWiring, type SimWiring } from './open.ts'

wiringConformance('sim', async () => {
  const world = virtualWorld()
  const fabric = simFabric()
  const listening = new Set<string>()
  const open = (host: number) => openSimWiring(world, { fabric, host: `host${host}` })
  const tunnelIps: [string, string] = ['10.9.0.1', '10.9.0.2']
  const drivers: [SimWiring, SimWiring] = [open(0), open(1)]
  for (const host of [0, 1] as const)
    await drivers[host].prepare({
      physicalNetworks: { physnet1: { bridge: 'br-ex', uplink: 'eth2' } },
      tunnel: { localIp: tunnelIps[host], types: ['vxlan', 'gre'] },
    })
  return {
    drivers,
    tunnelIps,
    namespacePrefix: 'guest-',
    reopen: async (host) => open(host),
    passes: async (packet) => drivers[0].reach(packet) === 'ok',
    listen: async (host, namespace, port) => {
      await drivers[host].startIn(namespace, 'listen', [String(port)])
      listening.add(`${namespace} ${port}`)
    },
    inventory: async (host) => drivers[host].inventory(),
    patient: (check) => check(),
    dispose: async () => {},
  }
})

test('a failure asked for comes once, before or after its effect', async () => {
  const driver = openSimWiring(virtualWorld())
  driver.fail('ensureNamespace', 2)
  driver.fail('ensureNamespace', 3, 'after')
  await driver.ensureNamespace('qdhcp-1')
  await expect(driver.ensureNamespace('qdhcp-2')).rejects.toThrow('failed at ensureNamespace')
  await expect(driver.ensureNamespace('qdhcp-3')).rejects.toThrow('failed at ensureNamespace')
  expect(await driver.namespaces()).toEqual(['qdhcp-1', 'qdhcp-3'])
  await driver.ensureNamespace('qdhcp-2')
  expect(driver.inventory()).toContain('namespace qdhcp-2')
})

test('the reason of a drop can be read', async () => {
  const driver = openSimWiring(virtualWorld())
  expect(driver.reach({ fromPort: 'nobody', toIp: '10.0.0.1', protocol: 'icmp' })).toBe(
    'the sender is not wired',
  )
})

test('the end of a process is told to the driver that is there, whoever started it', async () => {
  const world = virtualWorld()
  const fabric = simFabric()
  const first = openSimWiring(world, { fabric })
  await first.ensureNamespace('qdhcp-1')
  await first.startIn('qdhcp-1', 'sleep', ['300'])
  await first.close()
  const second = openSimWiring(world, { fabric })
  const seen: unknown[] = []
  second.events((event) => seen.push(event))
  const [process] = await second.processes()
  expect(await second.signal(process!, 'SIGKILL')).toBe(true)
  expect(seen).toEqual([{ kind: 'ended', namespace: 'qdhcp-1' }])
  expect(await second.signal(process!, 'SIGKILL')).toBe(false)
})

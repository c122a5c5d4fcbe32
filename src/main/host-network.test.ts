import { describe, expect, test } from 'vitest'
import { withDefaults } from '#kit/config/section.ts'
import { virtualWorld } from '#kit/world/virtual.ts'
import type { World } from '#kit/world/world.ts'
import { type AgentSettings, agentSection } from './agent-settings.ts'
import { hostNetworks, readMapping } from './host-network.ts'
import { type CloudSettings, cloudSection } from './settings.ts'

/** A host with a route to each of these addresses, from its own, and names that lead to addresses. */
function host(routes: Record<string, string>, names: Record<string, string> = {}): World {
  const world = virtualWorld()
  const answer = (stdout: string) => ({ code: 0, signal: null, stdout, stderr: '' })
  const run: World['processes']['run'] = async (command, args) => {
    const word = args.at(-1)!
    if (command === 'getent') return answer(names[word] ? `${names[word]} STREAM ${word}\n` : '')
    const source = routes[word]
    if (source) return answer(JSON.stringify([{ dst: word, dev: 'eth0', prefsrc: source }]))
    return { ...answer(''), code: 2, stderr: 'RTNETLINK answers: Network is unreachable' }
  }
  return { ...world, processes: { ...world.processes, run } }
}
const networks = (
  given: { cloud?: Partial<CloudSettings>; agent?: Partial<AgentSettings>; controller?: string },
  world = host({}),
) =>
  hostNetworks(
    world,
    withDefaults(cloudSection, given.cloud),
    withDefaults(agentSection, given.agent),
    given.controller,
  )

describe('the networks of a host', () => {
  test('a cloud of one host sends no tunnels and is in the external network by its first address', async () => {
    expect(await networks({})).toEqual({
      physicalNetworks: { physnet1: { bridge: 'br-ex', address: '172.24.4.1/24' } },
      tunnel: { localIp: '127.0.0.1', types: ['vxlan', 'gre'] },
    })
  })

  test('a controller that listens to all sends from where its public address leads', async () => {
    const cloud = { listen: '0.0.0.0', publicHost: 'cloud.example', portBase: 9000 }
    const world = host({ '192.0.2.9': '192.0.2.1' }, { 'cloud.example': '192.0.2.9' })
    expect(await networks({ cloud }, world)).toMatchObject({
      physicalNetworks: { physnet1: { bridge: 'br-ex-9000' } },
      tunnel: { localIp: '192.0.2.1', underlay: { bridge: 'br-phy-9000' } },
    })
    expect((await networks({ cloud: { listen: '192.0.2.7' } })).tunnel!.localIp).toBe('192.0.2.7')
    const debian = { '127.0.1.1': '127.0.0.1' }
    const named = { 'cloud.example': '127.0.1.1' }
    const localIp = async (routes: Record<string, string>) =>
      (await networks({ cloud }, host(routes, named))).tunnel!.localIp
    expect(await localIp({ ...debian, '192.0.2.1': '10.0.0.7' })).toBe('10.0.0.7')
    expect(await localIp(debian)).toBe('127.0.0.1')
  })

  test('a joined host sends from where it reaches the controller, and has no external network', async () => {
    expect(await networks({ controller: '192.0.2.1' }, host({ '192.0.2.1': '192.0.2.2' }))).toEqual({
      physicalNetworks: {},
      tunnel: { localIp: '192.0.2.2', types: ['vxlan', 'gre'], underlay: { bridge: 'br-phy' } },
    })
  })

  test('what nimbo.yaml says wins', async () => {
    const agent = {
      localIp: '10.9.0.2',
      underlay: 'eth3',
      underlayBridge: 'br-wire',
      tunnelTypes: ['gre'],
      bridgeMappings: ['physnet1:br-out:eth1', 'physnet2:br-two'],
    }
    expect(await networks({ agent, controller: '192.0.2.1' })).toEqual({
      physicalNetworks: {
        physnet1: { bridge: 'br-out', uplink: 'eth1' },
        physnet2: { bridge: 'br-two' },
      },
      tunnel: { localIp: '10.9.0.2', types: ['gre'], underlay: { bridge: 'br-wire', card: 'eth3' } },
    })
  })

  test('what cannot be found out is asked for by its option', async () => {
    await expect(networks({ controller: '192.0.2.1' })).rejects.toThrow(/192\.0\.2\.1.*agent\.local_ip/)
    await expect(networks({ controller: 'nowhere' })).rejects.toThrow(/nowhere.*agent\.local_ip/)
    await expect(networks({ agent: { tunnelTypes: ['geneve'] } })).rejects.toThrow(/tunnel_types.*geneve/)
    for (const text of ['physnet2', 'physnet2:', ':br-two', 'physnet2:br-two:', 'a:b:c:d'])
      expect(() => readMapping(text)).toThrow(text)
  })
})

// What an agent of the network stands on, for tests: a simulated host on virtual time, and the network service as the agent
// sees it, answered by the test.
import { networkPlugin } from '#contracts/network-agent.ts'
import { loadWiringDriver, type SimWiring, simFabric } from '#drivers/wiring/load.ts'
import type { Handlers } from '#kit/bus/bus.ts'
import { testBus } from '#kit/bus/test-bus.ts'
import { memorySink } from '#kit/journal/memory-sink.ts'
import { openJournal } from '#kit/journal/store.ts'
import { silentLog } from '#kit/log/log.ts'
import { virtualWorld } from '#kit/world/virtual.ts'

export type PluginHandlers = Handlers<(typeof networkPlugin)['methods']>

/** `handlers`: what the agent under test asks; anything else would go unanswered, and the agent would say so. */
export async function testAgentHost(handlers: Partial<PluginHandlers>) {
  const world = virtualWorld()
  const host = 'node1'
  const fabric = simFabric()
  const driver = (await loadWiringDriver('sim', world, silentLog, { fabric })) as SimWiring
  const journal = openJournal({ world, log: silentLog, host, service: 'test', sink: memorySink() })
  const bus = testBus(world, () => journal)
  await bus.serve(networkPlugin, 'controller', 'neutron-server', handlers as PluginHandlers)
  return {
    world,
    fabric,
    driver,
    bus,
    /** For a nudge to the agent: to its host, as part of a work of its own. */
    nudge: () => ({ host, trace: journal.newTrace() }),
    /** What every agent is given. */
    common: { world, log: silentLog, journal, bus, host, driver },
  }
}

// The agent of the controller's own machine as a user of the bus. Other hosts get theirs when they join.
import type { World } from '#kit/world/world.ts'
import type { BusAgent } from './bus-access.ts'
import { hostUser } from './bus-rights.ts'
import type { Cloud } from './data-folder.ts'
import { simulatedHosts } from './host-kind.ts'

export function localAgent(world: World, { settings, secrets }: Cloud): BusAgent {
  const { name } = world.host
  return {
    user: hostUser(name),
    password: secrets['bus-agent'],
    // The journal is shipped under the machine's name also where its process simulates many hosts.
    hosts:
      settings.dataPlane === 'sim' ? [name, ...simulatedHosts(settings).map((host) => host.name)] : [name],
  }
}

// The agent of the controller's own machine as a user of the bus. Other hosts get theirs when they join.
import type { World } from '#kit/world/world.ts'
import type { BusAgent } from './bus-access.ts'
import { hostUser } from './bus-rights.ts'
import type { Cloud } from './data-folder.ts'
import type { CloudSettings } from './settings.ts'

export function localAgent(world: World, { settings, secrets }: Cloud): BusAgent {
  const { name } = world.host
  return {
    user: hostUser(name),
    password: secrets['bus-agent'],
    // The journal is shipped under the machine's name also where its process simulates many hosts.
    hosts: settings.dataPlane === 'sim' ? [name, ...simulatedHostNames(settings)] : [name],
  }
}

export function simulatedHostNames({ hosts }: CloudSettings): string[] {
  return Array.from({ length: hosts }, (_, index) => `node${index + 1}`)
}

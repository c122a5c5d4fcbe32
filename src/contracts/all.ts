// Every contract on the bus, for whoever sets the bus up and says who may do what there.
import { compute, conductor, scheduler } from './compute.ts'
import { hosts } from './host.ts'
import { journalContract } from './journal.ts'
import { dhcpAgent, l2Agent, l3Agent, networkPlugin } from './network-agent.ts'
import { volumeAgent, volumePlugin } from './volume-agent.ts'

export const contracts = [
  compute,
  conductor,
  scheduler,
  l2Agent,
  dhcpAgent,
  l3Agent,
  networkPlugin,
  volumeAgent,
  volumePlugin,
  journalContract,
  hosts,
] as const

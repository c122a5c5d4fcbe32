// Removes: a network with DHCP that no agent serves, or whose agent is dead while another lives; and ports that wait
// for an agent that is gone.
import { agentTypes } from '#contracts/network-agent.ts'
import type { Loop } from '#kit/loop/loop.ts'
import type { NetworkApp } from '../app.ts'
import { isAlive } from '../ops/alive.ts'
import { perform } from '../ops/change.ts'
import { scheduleDhcp } from '../ops/dhcp.ts'
import { activateWaiting } from '../ops/provisioning.ts'
import { dhcpBindingsOfAgents, listAgents, networksWithoutDhcpAgent } from '../store/agent.ts'

export function dhcpScheduling(app: NetworkApp): Loop {
  return {
    name: 'dhcp-schedule',
    everyMs: 10_000,
    async run() {
      const agents = await listAgents(app.db, agentTypes.dhcp.agentType)
      const live = agents.filter((each) => each.adminStateUp && isAlive(app, each))
      const dead = agents.filter((each) => !isAlive(app, each)).map((each) => each.id)
      const bare = live.length > 0 ? await networksWithoutDhcpAgent(app.db) : []
      const orphans = dead.length > 0 ? await dhcpBindingsOfAgents(app.db, dead) : []
      for (const networkId of [...bare, ...orphans.map((each) => each.networkId)])
        await perform({ app, trace: app.journal.newTrace() }, async (work) => {
          if (live.length > 0 && (await scheduleDhcp(work, networkId)))
            app.log.info({ networkId }, 'a network has got another DHCP agent')
          else await activateWaiting(work, networkId)
        })
    },
  }
}

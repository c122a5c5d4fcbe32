// Flows of a bridge to a physical network: local VLAN tags become the wire's (none, or the network's VLAN).
// Everything else on the bridge is an ordinary learning switch.
import type { Flow } from './flow.ts'
import type { PlannedNetwork } from './plan.ts'

/** `patch` is this bridge's end of the patch to br-int. */
export function physicalFlows(
  networks: readonly PlannedNetwork[],
  physicalNetwork: string,
  patch: number,
): Flow[] {
  const flows: Flow[] = [
    { table: 0, priority: 0, match: '', actions: 'NORMAL' },
    { table: 0, priority: 2, match: `in_port=${patch}`, actions: 'drop' },
  ]
  for (const network of networks) {
    if (network.physicalNetwork !== physicalNetwork) continue
    if (network.type !== 'flat' && network.type !== 'vlan') continue
    const wire = network.type === 'flat' ? 'strip_vlan' : `mod_vlan_vid:${network.segmentationId}`
    flows.push({
      table: 0,
      priority: 4,
      match: `in_port=${patch},dl_vlan=${network.localVlan}`,
      actions: `${wire},NORMAL`,
    })
  }
  return flows
}

// Writes flows to a bridge: one bundle, which the switch takes whole or not at all, and only what differs from the last.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { OvsContext } from './context.ts'
import { type Flow, type FlowSet, flowChanges, flowReplacement, flowSet } from './flow/flow.ts'

/** Returns how many lines the switch was sent. `verify` counts what the bridge holds, and replaces it if that differs. */
export async function writeFlows(
  context: OvsContext,
  bridge: string,
  flows: readonly Flow[],
  verify: boolean,
): Promise<number> {
  // One bad network (two with one segment, say) must not keep the others from being wired.
  const wanted = flowSet(flows, (flow) =>
    context.log.error({ bridge, flow }, 'two parts of the wiring want one flow; the first has it'),
  )
  let before: FlowSet | undefined = context.applied.get(bridge)
  if (before && verify && (await countFlows(context, bridge)) < before.size) before = undefined
  const lines = before ? flowChanges(before, wanted, context.cookie) : flowReplacement(wanted, context.cookie)
  if (lines.length === 0) return 0
  context.applied.delete(bridge)
  const result = await context.world.processes.run(
    'ovs-ofctl',
    ['-O', 'OpenFlow14', '--bundle', 'add-flows', management(context, bridge), '-'],
    { input: `${lines.join('\n')}\n` },
  )
  if (result.code !== 0)
    throw new CloudError('internal', `Open vSwitch refused the flows of ${bridge}`, {
      detail: result.stderr.trim(),
    })
  context.applied.set(bridge, wanted)
  return lines.length
}

/** Those with our cookie. */
async function countFlows(context: OvsContext, bridge: string): Promise<number> {
  const { stdout } = await context.host.run('ovs-ofctl', [
    '-O',
    'OpenFlow14',
    'dump-aggregate',
    management(context, bridge),
    `cookie=${context.cookie}/-1`,
  ])
  return Number(/flow_count=(\d+)/.exec(stdout)?.[1] ?? 0)
}

function management(context: OvsContext, bridge: string): string {
  return `unix:${context.places.runFolder}/${bridge}.mgmt`
}

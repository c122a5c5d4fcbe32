// A flow as ovs-ofctl writes it, and the difference between two sets of them. Pure.

export type Flow = { table: number; priority: number; match: string; actions: string }

/** What makes two flows the same entry of a switch; the actions are what may change. */
export function flowKey(flow: Flow): string {
  return `table=${flow.table},priority=${flow.priority}${flow.match ? `,${flow.match}` : ''}`
}

export type FlowSet = ReadonlyMap<string, string>

/** By key, the actions. Where two flows claim one key the first holds: the switch would silently keep the last. */
export function flowSet(flows: readonly Flow[], conflict: (key: string) => void): FlowSet {
  const set = new Map<string, string>()
  for (const flow of flows) {
    const key = flowKey(flow)
    const other = set.get(key)
    if (other === undefined) set.set(key, flow.actions)
    else if (other !== flow.actions) conflict(key)
  }
  return set
}

/** The lines of a bundle file that turn `before` into `after`. */
export function flowChanges(before: FlowSet, after: FlowSet, cookie: string): string[] {
  const lines: string[] = []
  for (const key of before.keys()) {
    if (!after.has(key)) lines.push(`delete_strict cookie=${cookie}/-1,${key}`)
  }
  for (const [key, actions] of after) {
    if (before.get(key) !== actions) lines.push(addLine(key, actions, cookie))
  }
  return lines
}

/** The lines that put `after` in place of whatever flows the cookie marks; others' flows stay. */
export function flowReplacement(after: FlowSet, cookie: string): string[] {
  const adds = [...after].map(([key, actions]) => addLine(key, actions, cookie))
  return [`delete cookie=${cookie}/-1`, ...adds]
}

function addLine(key: string, actions: string, cookie: string): string {
  return `add cookie=${cookie},${key},actions=${actions}`
}

export function hex(value: number): string {
  return `0x${value.toString(16)}`
}

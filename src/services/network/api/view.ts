// Answers of network: the attributes that the caller may see, narrowed to the fields that it asked for.
import type { Query } from '#kit/http/route.ts'
import type { NetworkContext } from '../app.ts'
import type { Attribute, Attributes } from '../resources/attribute.ts'

type Shown = Record<string, unknown>

export type Show<Whole> = (row: Whole) => Shown

/** Which attributes a caller may see depends on whose object it is; that is found once for each project. */
export function showerOf<Whole>(context: NetworkContext, attributes: Attributes, query?: Query): Show<Whole> {
  const fields = query?.has('fields')
    ? new Set(query.all('fields').flatMap((each) => each.split(',')))
    : undefined
  const known = new Map<string, [string, (row: Whole) => unknown][]>()
  const getters = (projectId: string) => {
    const found = known.get(projectId)
    if (found) return found
    const target = { project_id: projectId, tenant_id: projectId }
    const list: [string, (row: Whole) => unknown][] = []
    for (const [name, attribute] of Object.entries(attributes) as [string, Attribute<Whole>][]) {
      if (!attribute.get || (fields && !fields.has(name))) continue
      if (attribute.getRule && !context.allows(attribute.getRule, target)) continue
      list.push([name, attribute.get])
    }
    known.set(projectId, list)
    return list
  }
  return (row) => {
    const shown: Shown = {}
    for (const [name, get] of getters((row as { projectId?: string }).projectId ?? '')) {
      const value = get(row)
      if (value !== undefined) shown[name] = value
    }
    return shown
  }
}

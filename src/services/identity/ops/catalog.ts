// The catalog of one token: each service with its endpoints, whose URLs are filled in with the token's project and user.
import type { Facts } from './knowledge.ts'

export type CatalogEntry = {
  id: string
  type: string
  name: string
  endpoints: { id: string; interface: string; region: string | null; region_id: string | null; url: string }[]
}

export type Fillings = { projectId?: string; userId: string }

/**
 * An endpoint whose URL needs what the token has not, a project above all, is left out; its service stays. So is one
 * that is not among those given to the project, where any were.
 */
export function catalogFor(facts: Facts, fillings: Fillings): CatalogEntry[] {
  const given = fillings.projectId === undefined ? undefined : facts.projectEndpoints.get(fillings.projectId)
  return facts.services.map((service) => ({
    id: service.id,
    type: service.type,
    name: service.name ?? '',
    endpoints: (facts.endpoints.get(service.id) ?? []).flatMap((each) => {
      if (given && !given.has(each.id)) return []
      const url = fill(each.url, fillings)
      if (url === undefined) return []
      return [
        { id: each.id, interface: each.interface, region_id: each.regionId, region: each.regionId, url },
      ]
    }),
  }))
}

/** `$(project_id)s` and `%(project_id)s` alike; undefined where a word is not known. */
export function fill(template: string, { projectId, userId }: Fillings): string | undefined {
  const words: Record<string, string | undefined> = {
    project_id: projectId,
    tenant_id: projectId,
    user_id: userId,
  }
  let whole = true
  const url = template.replace(/[$%]\((\w+)\)s/g, (_, word: string) => {
    const value = words[word]
    if (value === undefined) whole = false
    return value ?? ''
  })
  return whole ? url : undefined
}

const texts = new WeakMap<Facts, Map<string, string>>()
/** Enough for the projects that are busy at one time. */
const mostTexts = 1_000

/** The same as JSON, remembered for as long as its facts are. */
export function catalogText(facts: Facts, fillings: Fillings): string {
  const known = texts.get(facts) ?? new Map<string, string>()
  texts.set(facts, known)
  const key = `${fillings.projectId ?? ''} ${fillings.userId}`
  let text = known.get(key)
  if (text === undefined) {
    text = JSON.stringify(catalogFor(facts, fillings))
    if (known.size >= mostTexts) known.delete(known.keys().next().value!)
    known.set(key, text)
  }
  return text
}

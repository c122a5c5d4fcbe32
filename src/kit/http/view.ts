// Replies as declared fields: each wire name with how it is read from a row and the versions that show it.
import { holds, type Since, type Version } from './version.ts'

/** What a view may know besides the row; a request's context is one. */
export type Shown = { version?: Version /** Scheme, host and port for links. */; origin?: string }

type Getter<Row> = (row: Row, shown: Shown) => unknown
type ViewField<Row> = Getter<Row> | (Since & { get: Getter<Row> })
export type View<Row> = {
  (row: Row, shown?: Shown): Record<string, unknown>
  /** Wire names at a version: documents, tests and CLI columns. */
  names(version?: Version): string[]
}

/** `view<ServerRow>()({ id: (s) => s.id, tags: { since: '2.26', get: (s) => s.tags } })`; undefined values are left out. */
export function view<Row>() {
  return (fields: Record<string, ViewField<Row>>): View<Row> => {
    const compiled = new Map<Version | undefined, [string, Getter<Row>][]>()
    const at = (version: Version | undefined) => {
      const known = compiled.get(version)
      if (known) return known
      const list: [string, Getter<Row>][] = []
      for (const [name, field] of Object.entries(fields)) {
        if (typeof field === 'function') list.push([name, field])
        else if (holds(field, version)) list.push([name, field.get])
      }
      compiled.set(version, list)
      return list
    }
    const show = (row: Row, shown: Shown = {}) => {
      const result: Record<string, unknown> = {}
      for (const [name, get] of at(shown.version)) {
        const value = get(row, shown)
        if (value !== undefined) result[name] = value
      }
      return result
    }
    return Object.assign(show, { names: (version?: Version) => at(version).map(([name]) => name) })
  }
}

// OVSDB's notation of values (RFC 7047, section 5.1) to plain ones and back.
// A set of one element is written bare by the server, so readers choose: `setOf`, `one`.

export type Uuid = ['uuid', string]
export type NamedUuid = ['named-uuid', string]
export type Atom = string | number | boolean | Uuid | NamedUuid
export type Value = Atom | ['set', Atom[]] | ['map', [Atom, Atom][]]
export type Row = Record<string, Value>

export function uuid(id: string): Uuid {
  return ['uuid', id]
}

export function namedUuid(name: string): NamedUuid {
  return ['named-uuid', name]
}

export function mapValue(fields: Record<string, string>): Value {
  return ['map', Object.entries(fields)]
}

export function setValue(atoms: Atom[]): Value {
  return ['set', atoms]
}

/** The elements of a set; a bare atom is a set of itself; uuids come as plain strings. */
export function setOf(value: Value | undefined): (string | number | boolean)[] {
  if (value === undefined) return []
  if (Array.isArray(value)) {
    if (value[0] === 'set') return (value[1] as Atom[]).map(plain)
    if (value[0] === 'map') return []
  }
  return [plain(value as Atom)]
}

/** The only element, or undefined for the empty set. */
export function one(value: Value | undefined): string | number | boolean | undefined {
  return setOf(value)[0]
}

export function text(value: Value | undefined): string {
  const found = one(value)
  return found === undefined ? '' : String(found)
}

export function number(value: Value | undefined): number | undefined {
  const found = one(value)
  return typeof found === 'number' ? found : undefined
}

export function mapOf(value: Value | undefined): Record<string, string> {
  if (!Array.isArray(value) || value[0] !== 'map') return {}
  return Object.fromEntries(
    (value[1] as [Atom, Atom][]).map(([key, held]) => [String(plain(key)), String(plain(held))]),
  )
}

function plain(atom: Atom): string | number | boolean {
  return Array.isArray(atom) ? atom[1] : atom
}

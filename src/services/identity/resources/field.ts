// Schemas that several of identity's resources share, after keystone/common/validation/parameter_types.py.
import { Type } from 'typebox'

/** Ids may be given by operators of other clouds, so any word of letters, digits and dashes passes. */
export const id = Type.String({ minLength: 1, maxLength: 64, pattern: '^[a-zA-Z0-9-]+$' })
export const name64 = Type.String({ minLength: 1, maxLength: 64, pattern: '\\S' })
export const name255 = Type.String({ minLength: 1, maxLength: 255, pattern: '\\S' })
export const anyText = Type.Union([Type.String(), Type.Null()])
export const flag = Type.Boolean()
export const nullableId = Type.Union([id, Type.Null()])
export const url = Type.String({ maxLength: 225, pattern: '^[a-zA-Z0-9+.-]+:.+' })

/** The only option that projects, domains and roles have: true refuses changes and deletion. */
export const immutableOption = Type.Object(
  { immutable: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])) },
  { additionalProperties: false },
)
export type Options = Record<string, unknown>

/** Attributes of the caller's own invention, which identity keeps and gives back. */
export type Extra = Record<string, unknown>

/** Times as identity writes them: always with microseconds, which are always zero. */
export function microseconds(ms: number): string
export function microseconds(ms: number | null): string | null
export function microseconds(ms: number | null): string | null {
  return ms === null ? null : `${new Date(Math.floor(ms / 1000) * 1000).toISOString().slice(0, 19)}.000000Z`
}

/** As the expiry of passwords and application credentials is written: with the microseconds, and without a zone. */
export function zonelessTime(ms: number | null): string | null {
  if (ms === null) return null
  const micros = Math.round(ms * 1000) % 1_000_000
  return `${new Date(Math.floor(ms)).toISOString().slice(0, 19)}.${String(micros).padStart(6, '0')}`
}

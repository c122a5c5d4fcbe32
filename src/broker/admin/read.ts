// Reads members of JSON that others wrote: bodies and definitions. Each refusal names the member.
import { isObject, type JsonObject, type JsonValue } from '../core/json.ts'
import { badRequest } from './refusal.ts'

/** Throws where any of the names is missing, naming all that are. */
export function need(from: JsonObject, ...names: string[]): void {
  const missing = names.filter((name) => from[name] === undefined)
  if (missing.length > 0) throw badRequest(`[${missing.map((name) => `{key_missing,${name}}`).join(',')}]`)
}

export function textAt(from: JsonObject, name: string, fallback?: string): string {
  const value = from[name] ?? fallback
  if (value === undefined) need(from, name)
  if (typeof value !== 'string') throw badRequest(`${name} should be a string`)
  return value
}

/** A number, a boolean or an object's fields may come as text from command-line tools. */
export function flagAt(from: JsonObject, name: string): boolean {
  const value = from[name]
  if (value === undefined || value === false || value === 'false') return false
  if (value === true || value === 'true') return true
  throw badRequest(`${name} should be a boolean`)
}

export function wholeAt(from: JsonObject, name: string, fallback?: number): number {
  const value = from[name] ?? fallback
  if (value === undefined) need(from, name)
  const number = typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value
  if (typeof number !== 'number' || !Number.isSafeInteger(number))
    throw badRequest(`${name} should be a number`)
  return number
}

export function objectAt(from: JsonObject, name: string): JsonObject {
  const value = from[name]
  // Erlang's and PHP's empty table.
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return {}
  if (!isObject(value)) throw badRequest(`${name} should be an object`)
  return value
}

/** Absent is empty. */
export function objectsAt(from: JsonObject, name: string): JsonObject[] {
  const value = from[name] ?? []
  if (!Array.isArray(value) || !value.every(isObject)) throw badRequest(`${name} should be a list of objects`)
  return value
}

/** 'a,b' or a list. */
export function tagsOf(value: JsonValue): string[] {
  const list = typeof value === 'string' ? value.split(',') : value
  if (!Array.isArray(list) || !list.every((tag) => typeof tag === 'string'))
    throw badRequest('tags should be a string or a list of strings')
  return [...new Set(list.map((tag) => tag.trim()).filter((tag) => tag !== ''))]
}

// Words of the command line that are JSON.
import { mqError } from './exit.ts'

export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw mqError('unavailable', `JSON decoding error. Reason: ${(error as Error).message}`)
  }
}

/** Definitions of policies and limits are objects. */
export function definitionOf(text: string): Record<string, unknown> {
  const value = jsonOf(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw mqError('unavailable', `JSON decoding error. Reason: ${text} is not an object`)
  return value as Record<string, unknown>
}

// What the tables of placement's conformance are made of: a step's form, the objects that the steps are about, an error's answer.
import { expect } from 'vitest'

type Wanted = {
  status: number
  body?: unknown
  headers?: Record<string, unknown>
  /** No such headers. */
  without?: string[]
}
export type Step = [title: string, version: string, call: string, body: unknown, wanted: Wanted]

export const host = 'c0000000-0000-4000-8000-000000000001'
export const child = 'c0000000-0000-4000-8000-000000000002'
export const server = 'd0000000-0000-4000-8000-000000000001'
export const other = 'd0000000-0000-4000-8000-000000000002'
export const rack = 'e0000000-0000-4000-8000-000000000001'
export const p = `/resource_providers/${host}`
export const dated = {
  'cache-control': 'no-cache',
  'last-modified': expect.stringMatching(/^\w{3}, .* GMT$/),
}
export const error = (status: number, code: string, detail: string) => ({
  status,
  body: { errors: [expect.objectContaining({ status, code, detail: expect.stringContaining(detail) })] },
})
export const undefinedCode = 'placement.undefined_code'
export const stock = { min_unit: 1, max_unit: 2147483647, step_size: 1, reserved: 0, allocation_ratio: 1 }

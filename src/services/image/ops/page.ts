// Pages of lists: how many rows a caller gets at once.
import { CloudError } from '#kit/errors/cloud-error.ts'

export const defaultPage = 25
const mostPage = 1000

export function readLimit(text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback
  if (!/^-?\d+$/.test(text)) throw new CloudError('badRequest', 'limit param must be an integer')
  if (Number(text) < 0) throw new CloudError('badRequest', 'limit param must be positive')
  return Math.min(Number(text), mostPage)
}

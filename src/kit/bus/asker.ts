// Whether the sender of a message may ask for what it asks: no host speaks for another one.
import { CloudError } from '../errors/cloud-error.ts'
import type { Contract } from './contract.ts'

/** Whether a bus user's messages may be taken for the host's; with `undefined`: whether they are a controller's. */
export type SpeaksFor = (user: string | undefined, host: string | undefined) => boolean

/** The message itself is wrong: another try can't help. */
export class Refused extends CloudError {}

/** Throws `Refused`, kind 'forbidden'. */
export function checkAsker(
  contract: Contract,
  method: string,
  params: unknown,
  user: string | undefined,
  speaksFor: SpeaksFor,
): void {
  if (speaksFor(user, undefined)) return
  const named = hostIn(params)
  if (named !== undefined && speaksFor(user, named)) return
  const who = user === undefined ? 'A sender without a name' : `Bus user ${user}`
  const what = `${contract.topic}.${method}`
  throw new Refused(
    'forbidden',
    named === undefined
      ? `${who} may not ask for ${what}`
      : `${who} may not ask for ${what} of host ${named}`,
    { type: 'ForeignHost' },
  )
}

function hostIn(params: unknown): string | undefined {
  if (typeof params !== 'object' || params === null || !Object.hasOwn(params, 'host')) return undefined
  const { host } = params as { host: unknown }
  return typeof host === 'string' ? host : undefined
}

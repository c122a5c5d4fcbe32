// How the metadata agent proves to the metadata service that it looked the guest up itself.
import { createHmac, timingSafeEqual } from 'node:crypto'

/** HMAC-SHA256 of the server's id under the secret that both share, in hex. */
export function signInstance(secret: string, instanceId: string): string {
  return createHmac('sha256', secret).update(instanceId).digest('hex')
}

/** Takes the same time however much of the signature is right. */
export function isSignature(secret: string, instanceId: string, given: string): boolean {
  const expected = Buffer.from(signInstance(secret, instanceId))
  const offered = Buffer.from(given)
  return offered.length === expected.length && timingSafeEqual(offered, expected)
}

// Signed images. Their certificates would lie in a key manager, which this cloud doesn't have: as Glance without one, it
// refuses bytes that it is asked to verify and can't. An image with some of the four properties isn't signed.
// https://docs.openstack.org/glance/zed/user/signature.html
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { WholeImage } from '../resources/image.ts'

const names = {
  signature: 'img_signature',
  hash: 'img_signature_hash_method',
  key: 'img_signature_key_type',
  certificate: 'img_signature_certificate_uuid',
}
const hashes = ['SHA-224', 'SHA-256', 'SHA-384', 'SHA-512']
const keys = [
  'RSA-PSS',
  'DSA',
  ...[571, 409].flatMap((bits) => [`ECC_SECT${bits}K1`, `ECC_SECT${bits}R1`]),
  ...[521, 384].map((bits) => `ECC_SECP${bits}R1`),
]

/** Kind 'badRequest' where the image's bytes would have to be verified. */
export function refuseSigned({ id, properties }: Pick<WholeImage, 'id' | 'properties'>): void {
  const own = (name: string) => (Object.hasOwn(properties, name) ? properties[name] : undefined)
  const [signature, hash, key, certificate] = [names.signature, names.hash, names.key, names.certificate].map(
    own,
  )
  if (signature === undefined || hash === undefined || key === undefined || certificate === undefined) return
  const reason = !isBase64(signature)
    ? 'The signature data was not properly encoded using base64'
    : !hashes.includes(hash)
      ? `Invalid signature hash method: ${hash}`
      : !keys.includes(key)
        ? `Invalid signature key type: ${key}`
        : `Unable to retrieve certificate with ID: ${certificate}`
  throw new CloudError('badRequest', `Signature verification failed for image ${id}: ${reason}`)
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)
}

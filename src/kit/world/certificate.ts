// What a certificate says of its holder, and whether it is to be believed without a real handshake around it.
import { X509Certificate } from 'node:crypto'
import type { PeerCertificate, Pem } from './world.ts'

export function peerCertificate(certificate: X509Certificate): PeerCertificate {
  return {
    subject: distinguishedName(certificate.subject),
    issuer: distinguishedName(certificate.issuer),
    commonName: commonName(certificate.subject),
    validFromMs: Date.parse(certificate.validFrom),
    validToMs: Date.parse(certificate.validTo),
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  }
}

/** Node gives one attribute a line, in the certificate's order, with what is special escaped. */
function distinguishedName(lines: string | undefined): string {
  return (lines ?? '').split('\n').reverse().join(',')
}

function commonName(lines: string | undefined): string | undefined {
  const names = (lines ?? '').split('\n').filter((line) => line.startsWith('CN='))
  return names.length === 0 ? undefined : names.map((line) => line.slice(3).replace(/\\(.)/g, '$1')).join(',')
}

export function certificatesIn(pem: Pem): X509Certificate[] {
  const blocks = pem.toString().match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return blocks.map((block) => new X509Certificate(block))
}

/**
 * Why a peer that shows the chain `shown` isn't to be trusted by who trusts `ca` alone; undefined where it is.
 * For sockets in memory: real ones leave this to OpenSSL.
 */
export function distrust(shown: Pem, ca: Pem | undefined, nowMs: number): string | undefined {
  const [leaf, ...between] = certificatesIn(shown)
  if (!leaf) return 'it shows no certificate'
  const trusted = ca === undefined ? [] : certificatesIn(ca)
  const { validFromMs, validToMs } = peerCertificate(leaf)
  if (nowMs < validFromMs) return 'its certificate is not valid yet'
  if (nowMs > validToMs) return 'its certificate has ended'
  let current = leaf
  for (let depth = 0; depth <= between.length; depth++) {
    const isSigner = (other: X509Certificate) => current.checkIssued(other) && current.verify(other.publicKey)
    if (trusted.some((other) => other.fingerprint256 === current.fingerprint256 || isSigner(other)))
      return undefined
    const next = between.find((other) => isSigner(other) && other.fingerprint256 !== current.fingerprint256)
    if (!next) break
    current = next
  }
  return 'nobody that is trusted has signed its certificate'
}

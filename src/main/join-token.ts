// The join token as the joining host reads it: nimbo1.<id>.<secret>.<fingerprint of the cloud's authority>.
import { CloudError } from '#kit/errors/cloud-error.ts'

const form = /^nimbo1\.[^.]+\.[^.]+\.([A-Za-z0-9_-]{43})$/

/** SHA-256 of the authority's certificate, base64url. */
export function fingerprintIn(token: string): string {
  const [, fingerprint] = form.exec(token) ?? []
  if (fingerprint) return fingerprint
  throw new CloudError(
    'badRequest',
    "This is no join token: 'nimbo token create' on the controller makes one.",
    {
      type: 'Usage',
    },
  )
}

/** 'HOST', 'HOST:PORT' or '[ADDRESS]:PORT'; an IPv6 address alone needs no brackets. */
export function readController(text: string, usualPort: number): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text)
  if (match) return { host: (match[1] ?? match[2])!, port: match[3] ? Number(match[3]) : usualPort }
  if (/^[0-9A-Fa-f:.]+$/.test(text)) return { host: text, port: usualPort }
  throw new CloudError('badRequest', `'${text}' is no name or address of a controller.`, { type: 'Usage' })
}

// Microversions as small whole numbers: '2.26' is 2026, so that they compare as such.

export type Version = number

export function version(text: string): Version {
  const match = /^(\d+)\.(\d+)$/.exec(text)
  if (!match) throw new TypeError(`'${text}' is no microversion`)
  return Number(match[1]) * 1000 + Number(match[2])
}

export function showVersion(value: Version): string {
  return `${Math.floor(value / 1000)}.${value % 1000}`
}

/** The range of versions in which something exists; both ends included. */
export type Since = { since?: string; until?: string }

export function holds(range: Since, at: Version | undefined): boolean {
  if (at === undefined) return true
  return (!range.since || at >= version(range.since)) && (!range.until || at <= version(range.until))
}

/** How one service speaks of versions in its headers. */
export type Microversions = {
  /** The service type in `OpenStack-API-Version: <type> X.Y`. */
  type: string
  min: string
  max: string
  /** An older header that holds the number alone: compute's X-OpenStack-Nova-API-Version. */
  legacyHeader?: string
  /** The header as the service spells it in `Vary`; by default `OpenStack-API-Version`. */
  vary?: string
  /** What is read as a version at all; by default a major number above zero and a minor one. */
  form?: RegExp
  /** The service's own sentences for a version that it refuses. */
  refusal?: { malformed(asked: string): string; outOfRange(asked: string): string }
}

const usualForm = /^[1-9]\d*\.(0|[1-9]\d*)$/

export type Negotiated = { version: Version } | { refused: 'malformed' | 'outOfRange'; asked: string }

/** Reads the request's version; no header means the minimum. A header that names another service is ignored. */
export function negotiate(
  spec: Microversions,
  headers: Record<string, string | string[] | undefined>,
): Negotiated {
  const asked = askedFor(spec, headers)
  if (asked === undefined) return { version: version(spec.min) }
  if (asked === 'latest') return { version: version(spec.max) }
  if (!(spec.form ?? usualForm).test(asked)) return { refused: 'malformed', asked }
  const wanted = version(asked)
  if (wanted < version(spec.min) || wanted > version(spec.max)) return { refused: 'outOfRange', asked }
  return { version: wanted }
}

function askedFor(
  spec: Microversions,
  headers: Record<string, string | string[] | undefined>,
): string | undefined {
  const header = headers['openstack-api-version']
  for (const part of String(header ?? '').split(',')) {
    const [type, number, ...rest] = part.trim().split(/\s+/)
    if (type?.toLowerCase() === spec.type && rest.length === 0) return number ?? ''
  }
  const legacy = spec.legacyHeader && headers[spec.legacyHeader.toLowerCase()]
  return legacy === undefined || legacy === '' ? undefined : String(legacy).trim()
}

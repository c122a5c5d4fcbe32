// The versions that hold, and placement's own words for others.
import type { Microversions } from '#kit/http/version.ts'

export const microversions: Microversions = {
  type: 'placement',
  min: '1.0',
  max: '1.39',
  vary: 'openstack-api-version',
  form: /^\d{1,6}\.\d{1,6}$/,
  refusal: {
    malformed: (asked) => `Invalid microversion: invalid version string: ${asked}`,
    outOfRange: (asked) => `Invalid microversion: Unacceptable version header: ${asked}`,
  },
}

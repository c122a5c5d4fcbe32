// The versions that hold. Left out until they are whole: the reshaper (1.30) and all later filters, and sharing providers.
import type { Microversions } from '#kit/http/version.ts'

export const microversions: Microversions = { type: 'placement', min: '1.0', max: '1.29' }

// Identity's options. Names and defaults follow keystone's where it has the same.
import { option } from '#kit/config/option.ts'
import { type ConfigOf, section } from '#kit/config/section.ts'

export const identitySection = section('identity', {
  tokenExpiration: option.duration('1h', 'How long a token is valid', { min: '1m', max: '30d' }),
  allowExpiredWindow: option.duration(
    '2d',
    'For how long after its expiry a service may still validate a token, to finish long work',
  ),
  keyRotation: option.duration('1d', 'How often the keys that seal tokens are turned; 0 leaves it to others'),
  maxActiveKeys: option.int(
    5,
    'Keys kept: enough that none is dropped while a token that it sealed may still be validated',
    { min: 3, max: 100 },
  ),
  maxProjectTreeDepth: option.int(5, 'Levels of projects below a domain', { min: 1, max: 10 }),
  maxTokensKept: option.int(20_000, 'Validated tokens kept in memory', { min: 0, max: 1_000_000 }),
})
export type IdentityConfig = ConfigOf<typeof identitySection>

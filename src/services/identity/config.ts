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
  listLimit: option.int(undefined as number | undefined, 'Entries of one list at most; none unless set', {
    min: 1,
  }),
  limitModel: option.choice(
    'flat',
    ['flat', 'strict_two_level'],
    "How limits are enforced: each project for itself, or a child's limit within its parent's and a tree of two levels",
  ),
  maxRedelegations: option.int(3, 'How often a trust may be passed on at most', { min: 0, max: 100 }),
  credentialKeyRotation: option.duration(
    '30d',
    'How often the keys that seal credentials are turned, and all credentials sealed anew; 0 leaves it to others',
  ),
  passwordRegex: option.pattern(
    undefined as string | undefined,
    'What new passwords must match, from their beginning on',
  ),
  passwordRegexDescription: option.text(
    undefined as string | undefined,
    'That expression in words, for whoever chose another password',
  ),
  passwordExpiresDays: option.int(
    undefined as number | undefined,
    'Days after which a password must be changed; never unless set',
    { min: 1, unit: 'days' },
  ),
  uniqueLastPasswordCount: option.int(
    0,
    'How many of the last passwords, the present one among them, may not be chosen again; 0 allows all',
    { min: 0, max: 24 },
  ),
  minimumPasswordAge: option.int(0, 'Days that one must keep a password that one chose', {
    min: 0,
    unit: 'days',
  }),
  changePasswordUponFirstUse: option.bool(
    false,
    'Whether a password that an administrator set must be changed before its first use',
  ),
  lockoutFailureAttempts: option.int(
    undefined as number | undefined,
    'Failed logins after which a user is locked out; never unless set',
    { min: 1 },
  ),
  lockoutDuration: option.duration('30m', 'For how long such a user is locked out'),
  disableUserAccountDaysInactive: option.int(
    undefined as number | undefined,
    'Days without a login after which a user counts as disabled; never unless set',
    { min: 1, unit: 'days' },
  ),
  tokenProvider: option.choice(
    'fernet',
    ['fernet', 'jws'],
    'How new tokens are made: sealed, or signed with ES256. Those of the other kind hold until they expire',
  ),
  allowRescopeScopedToken: option.bool(
    true,
    'Whether a token with a scope may be used to get one of another',
  ),
  receiptExpiration: option.duration(
    '5m',
    'How long a login in several steps may take from its first step to its last',
    { min: '10s', max: '1h' },
  ),
  credentialAuthTtl: option.duration('15m', 'How old a request signed with an EC2 key may be', { min: '1m' }),
  externalUserHeader: option.text(
    undefined as string | undefined,
    'The header in which a proxy names the user whom it has authenticated; without it the method external is off',
  ),
  externalProxies: option.list(
    [],
    'Addresses of the proxies that are believed; they must take that header from what clients send',
  ),
  externalDomain: option.text('default', 'The id of the domain whose users such proxies name'),
  maxTokensKept: option.int(20_000, 'Validated tokens kept in memory', { min: 0, max: 1_000_000 }),
})
export type IdentityConfig = ConfigOf<typeof identitySection>

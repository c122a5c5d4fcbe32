// Who asks: what a validated token says.
import type { Credentials } from '../policy/policy.ts'
import type { AccessRule } from './access-rule.ts'

export type Caller = Credentials & {
  /** The token itself, to be passed on to other services; never logged, and stored sealed or not at all. */
  token: string
  userName: string
  userDomainName?: string
  projectName?: string
  projectDomainName?: string
  domainName?: string
  expiresAt: number
  issuedAt: number
  methods: readonly string[]
  /** This token's own audit id first, then the first of its chain. */
  auditIds: readonly string[]
  /** With an application credential that is good for these requests only. */
  accessRules?: readonly AccessRule[]
  /** Validated from the cache, not by a request to identity. */
  cached?: boolean
}

export const nobody: Caller = {
  token: '',
  userId: '',
  userName: '',
  roles: [],
  expiresAt: 0,
  issuedAt: 0,
  methods: [],
  auditIds: [],
}

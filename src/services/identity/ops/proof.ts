// What a way to prove who one is gives: the user, and what the proof says about the token to come.
import type { AuthMethod } from '#kit/fernet/token.ts'

export type Proof = {
  userId: string
  methods: readonly AuthMethod[]
  expiresAt?: number
  chainId?: string
  /** Tokens got with it have its scope and no other: that would be a way around its few roles. */
  applicationCredentialId?: string
}

/** Of a proof that is good once: under which name it is remembered as used, and until when that matters. */
export type Spending = { id: string; until: number }

/** What a login says outside of its body. */
export type Surroundings = {
  /** `Openstack-Auth-Receipt`. */
  receipt?: string
  /** The user whom a trusted proxy has authenticated, where one stands before us. */
  externalUser?: string
  /** Told as soon as it is known who tries, for the audit. */
  seen?: (user: { id: string; name: string }) => void
}

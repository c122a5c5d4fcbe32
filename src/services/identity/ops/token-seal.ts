// Between what a token says and its text. New ones are sealed or signed as configured; both kinds are read, so that a change
// of the option logs nobody out. https://docs.openstack.org/keystone/latest/admin/tokens-overview.html
import type { KeyRepository } from '#kit/fernet/key-repository.ts'
import { openToken, sealToken, type TokenPayload } from '#kit/fernet/token.ts'
import type { JwsKey } from '#kit/jws/jws.ts'
import { openSignedToken, signToken } from '#kit/jws/token.ts'
import type { World } from '#kit/world/world.ts'

export type TokenSeal = {
  /** `issuedAt` in milliseconds; tokens keep whole seconds of it. */
  seal(payload: TokenPayload, issuedAt: number): string
  /** Undefined where none of our keys made it, even after another look at them. */
  open(token: string): Promise<OpenedToken | undefined>
  /** Looks at the keys again, now and then; true where they have been turned, and some may hold no longer. */
  refresh(): Promise<boolean> | false
}
export type OpenedToken = { payload: TokenPayload; issuedAt: number }

/** For how long this process may go on with keys that `nimbo keys rotate` has replaced. */
const lookAgainMs = 10_000

/** `signing` where tokens are signed, or have been. */
export function openSeal(
  world: Pick<World, 'random' | 'clock'>,
  provider: 'fernet' | 'jws',
  { sealing, signing }: { sealing: KeyRepository; signing: KeyRepository<JwsKey> | undefined },
): TokenSeal {
  let lookedAt = world.clock.monotonic()
  const refreshAll = async () => {
    const turned = await Promise.all([sealing.refresh(), signing?.refresh()])
    return turned.includes(true)
  }
  const read = (token: string): OpenedToken | undefined => {
    if (!token.includes('.')) return openToken(sealing.keys, token)
    return signing && openSignedToken(signing.keys, token)
  }
  return {
    seal(payload, issuedAt) {
      if (provider === 'jws') return signToken(signing!.primary, payload, issuedAt)
      const { random, clock } = world
      return sealToken(sealing.primary, payload, { random, clock: { ...clock, now: () => issuedAt } })
    },
    async open(token) {
      const opened = read(token)
      if (opened) return opened
      // Another process may have turned the keys; a look at one file tells, so rubbish costs no more than that.
      const turned = await (token.includes('.') ? signing : sealing)?.refresh()
      return turned ? read(token) : undefined
    },
    refresh() {
      const now = world.clock.monotonic()
      if (now - lookedAt < lookAgainMs) return false
      lookedAt = now
      return refreshAll()
    },
  }
}

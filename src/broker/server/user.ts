// Users of the broker: salted password hashes and the three permission patterns for each virtual host.
import { createHash, timingSafeEqual } from 'node:crypto'
import { channelError } from '#kit/amqp/error.ts'

/** Regular expressions, not anchored; an empty one allows nothing, as in RabbitMQ. */
export type Permission = { configure: string; write: string; read: string }
export type Right = keyof Permission

export type UserSpec = {
  /** By virtual host. */
  permissions: Record<string, Permission>
} & (
  | { password: string }
  | {
      /** RabbitMQ's form: base64 of a 4-octet salt and SHA-256 of salt and password. */ passwordHash: string
    }
)

export type User = {
  readonly name: string
  readonly passwordHash: Buffer
  readonly permissions: ReadonlyMap<string, Record<Right, RegExp>>
}

export function user(name: string, spec: UserSpec, salt: Buffer): User {
  const passwordHash =
    'password' in spec ? hashPassword(spec.password, salt) : Buffer.from(spec.passwordHash, 'base64')
  const permissions = Object.entries(spec.permissions).map(([vhost, { configure, write, read }]) => {
    const compiled = { configure: pattern(configure), write: pattern(write), read: pattern(read) }
    return [vhost, compiled] as const
  })
  return { name, passwordHash, permissions: new Map(permissions) }
}

function pattern(text: string): RegExp {
  return new RegExp(text === '' ? '^$' : text, 'u')
}

export function hashPassword(password: string, salt: Buffer): Buffer {
  return Buffer.concat([salt, createHash('sha256').update(salt).update(password).digest()])
}

export function passwordMatches(user: User, password: string): boolean {
  const given = hashPassword(password, user.passwordHash.subarray(0, 4))
  return given.length === user.passwordHash.length && timingSafeEqual(given, user.passwordHash)
}

/** Throws 403 in RabbitMQ's words. */
export function authorize(
  user: User,
  vhost: string,
  right: Right,
  kind: 'queue' | 'exchange',
  name: string,
): void {
  const allowed = user.permissions
    .get(vhost)
    ?.[right].test(kind === 'exchange' && name === '' ? 'amq.default' : name)
  if (allowed) return
  throw channelError(
    403,
    `${right} access to ${kind} '${name}' in vhost '${vhost}' refused for user '${user.name}'`,
  )
}

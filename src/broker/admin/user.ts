// A user of the broker: one object for life, shared by its open connections, so that a change bites at once.
import { noPassword, type PasswordHash } from './password.ts'
import { Pattern } from './pattern.ts'

/** Regular expressions, not anchored; an empty one allows nothing but the empty name, as in RabbitMQ. */
export type Permission = { configure: string; write: string; read: string }
export type Right = keyof Permission
/** Of publishing to, and binding from, one topic exchange: patterns of routing keys. */
export type TopicPermission = { write: string; read: string }

export type UserLimit = 'max-connections' | 'max-channels'

export type UserSpec = {
  /** By virtual host. */
  permissions: Record<string, Permission>
  /** By virtual host and exchange. */
  topicPermissions?: Record<string, Record<string, TopicPermission>>
  /** 'administrator', 'monitoring', 'policymaker', 'management', 'impersonator', or any other word. */
  tags?: readonly string[]
} & (
  | { password: string }
  | {
      /** RabbitMQ's form: base64 of a 4-octet salt and SHA-256 of salt and password. */ passwordHash: string
    }
)

export class User {
  readonly name: string
  password: PasswordHash = noPassword
  tags: readonly string[] = []
  readonly permissions: Map<string, Readonly<Record<Right, Pattern>>> = new Map()
  /** By virtual host, then by exchange. */
  readonly topicPermissions: Map<string, Map<string, Readonly<Record<'write' | 'read', TopicPattern>>>> =
    new Map()
  /** A negative number is no limit. */
  readonly limits: Map<UserLimit, number> = new Map()

  constructor(name: string) {
    this.name = name
  }

  limit(name: UserLimit): number {
    const limit = this.limits.get(name) ?? -1
    return limit < 0 ? Number.POSITIVE_INFINITY : limit
  }
}

/** May hold {username} and {vhost}, which stand for those of the connection. */
export class TopicPattern {
  readonly text: string
  readonly #pattern: Pattern

  /** Throws SyntaxError. */
  constructor(text: string, user: string, vhost: string) {
    this.text = text
    const expanded = text.replaceAll('{username}', quoted(user)).replaceAll('{vhost}', quoted(vhost))
    this.#pattern = new Pattern(expanded)
  }

  matches(routingKey: string): boolean {
    return this.#pattern.matches(routingKey)
  }
}

/** A name is no pattern: a user called '.*' gets no more than its own keys. */
function quoted(name: string): string {
  return name.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}

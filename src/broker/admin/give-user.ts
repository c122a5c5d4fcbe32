// A user that the program itself needs, given in full: set at start whatever is on disk.
import { isPassword } from './password.ts'
import type { Registry } from './registry.ts'
import { givenPassword, newPassword, putUser, setPermission, setTopicPermission } from './set-user.ts'
import { putVhost } from './set-vhost.ts'
import type { UserSpec } from './user.ts'

/** Rights in virtual hosts that `spec` doesn't name stay; virtual hosts that it names are made. */
export function giveUser(registry: Registry, name: string, spec: UserSpec): void {
  const known = registry.users.get(name)?.password
  const password =
    'passwordHash' in spec
      ? givenPassword(spec.passwordHash, undefined)
      : known && isPassword(spec.password, known)
        ? known
        : newPassword(registry, spec.password)
  putUser(registry, name, { tags: spec.tags, password })
  for (const [vhost, permission] of Object.entries(spec.permissions)) {
    if (!registry.vhosts.has(vhost)) putVhost(registry, vhost, {})
    setPermission(registry, vhost, name, permission)
    registry.users.get(name)!.topicPermissions.delete(vhost)
    for (const [exchange, topics] of Object.entries(spec.topicPermissions?.[vhost] ?? {}))
      setTopicPermission(registry, vhost, name, exchange, topics)
  }
}

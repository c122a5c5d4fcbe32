// Every verb of `nimbo mq`.
import { appVerbs, clusterVerbs } from './app.ts'
import { checkVerbs } from './check.ts'
import { definitionVerbs } from './definition.ts'
import { listVerbs } from './list.ts'
import { nodeVerbs } from './node.ts'
import { permissionVerbs } from './permission.ts'
import { policyAndParameterVerbs } from './policy.ts'
import { operationVerbs } from './queue.ts'
import { userVerbs } from './user.ts'
import type { MqVerb } from './verb.ts'
import { vhostVerbs } from './vhost.ts'

export const mqVerbs: Readonly<Record<string, MqVerb>> = {
  ...appVerbs,
  ...clusterVerbs,
  ...nodeVerbs,
  ...checkVerbs,
  ...userVerbs,
  ...permissionVerbs,
  ...listVerbs,
  ...policyAndParameterVerbs,
  ...vhostVerbs,
  ...definitionVerbs,
  ...operationVerbs,
}

// What a node says of itself, and a report of everything.
import { listVerbs } from './list.ts'
import { clusterAnswer, environmentAnswer, nodeName, type Overview, statusAnswer } from './node-view.ts'
import { type Answer, format } from './output.ts'
import { permissionVerbs } from './permission.ts'
import { policyAndParameterVerbs } from './policy.ts'
import { userVerbs } from './user.ts'
import type { Call, MqVerb } from './verb.ts'
import { vhostVerbs } from './vhost.ts'

const monitoring = 'Monitoring, observability and health checks'

/** The verbs whose answers a report is made of. */
async function reportAnswer(call: Call): Promise<Answer> {
  const everywhere = (await call.api.get<{ name: string }[]>('vhosts', { columns: 'name' })).map(
    ({ name }) => name,
  )
  const lines: string[] = []
  const add = async (verb: MqVerb, vhost = call.vhost) => {
    const info = (line: string) => void lines.push(line)
    const answer = await verb.run({ ...call, vhost, words: [], options: {}, info })
    lines.push('', ...(answer ? format(answer, 'table', true) : []), '')
  }
  for (const name of ['status', 'cluster_status', 'environment']) await add(nodeVerbs[name]!)
  for (const name of ['list_connections', 'list_channels']) await add(listVerbs[name]!)
  await add(userVerbs.list_users!)
  await add(vhostVerbs.list_vhosts!)
  for (const vhost of everywhere) {
    for (const name of ['list_queues', 'list_exchanges', 'list_bindings', 'list_consumers'])
      await add(listVerbs[name]!, vhost)
    await add(permissionVerbs.list_permissions!, vhost)
    await add(policyAndParameterVerbs.list_policies!, vhost)
  }
  return { lines }
}

export const nodeVerbs: Record<string, MqVerb> = {
  status: {
    group: monitoring,
    summary: 'Displays status of a node',
    usage: '',
    words: [0, 0],
    async run({ api, info }) {
      info(`Status of node ${await nodeName(api)} ...`)
      return statusAnswer(api)
    },
  },
  cluster_status: {
    group: 'Cluster',
    summary: 'Displays the nodes of the cluster and those that run',
    usage: '',
    words: [0, 0],
    async run({ api, info }) {
      info(`Cluster status of node ${await nodeName(api)} ...`)
      return clusterAnswer(api)
    },
  },
  environment: {
    group: 'Configuration and Environment',
    summary: 'Displays the settings in force',
    usage: '',
    words: [0, 0],
    async run({ api, info }) {
      info(`Application environment of node ${await nodeName(api)} ...`)
      return environmentAnswer(api)
    },
  },
  report: {
    group: monitoring,
    summary: 'Everything that support asks for, one after the other; no passwords',
    usage: '',
    words: [0, 0],
    async run(call) {
      call.info(`Reporting server status of node ${await nodeName(call.api)} ...`)
      return reportAnswer(call)
    },
  },
  version: {
    group: monitoring,
    summary: 'Displays the version of RabbitMQ that the broker speaks as',
    usage: '',
    words: [0, 0],
    async run({ api }) {
      return { lines: [(await api.get<Overview>('overview')).rabbitmq_version] }
    },
  },
  set_cluster_name: {
    group: 'Configuration and Environment',
    summary: 'Sets the cluster name',
    usage: '<name>',
    words: [1, 1],
    async run({ api, words: [name], info }) {
      info(`Setting cluster name to ${name} ...`)
      await api.put('cluster-name', { name })
      return undefined
    },
  },
}

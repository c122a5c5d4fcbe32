// What RabbitMQ's tools do by Erlang and its management API can't: stopping and starting the application, thresholds of
// alarms. Our broker has paths of its own for them; about a RabbitMQ the verb says where to do it instead.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Api } from './api.ts'
import { mqError } from './exit.ts'
import { nodeName } from './node-view.ts'
import type { MqVerb } from './verb.ts'

async function order(api: Api, path: string, value?: unknown): Promise<void> {
  try {
    if (value === undefined) await api.post(`nimbo/${path}`)
    else await api.put(`nimbo/${path}`, { value })
  } catch (error) {
    if (!(error instanceof CloudError)) throw error
    if (error.kind === 'notFound' || error.kind === 'methodNotAllowed')
      throw mqError('unavailable', elsewhere)
    throw error
  }
}

const elsewhere = 'This broker is a RabbitMQ: use rabbitmqctl on its own host for that.'

function orderVerb(path: string, summary: string, banner: (node: string) => string): MqVerb {
  return {
    group: 'Nodes',
    summary,
    usage: '',
    words: [0, 0],
    async run({ api, info }) {
      info(banner(await nodeName(api)))
      await order(api, path)
      return undefined
    },
  }
}

/** 2GiB, 50MB, 1024: binary and decimal units as rabbitmqctl reads them. */
export function bytesOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(k|m|g|t|ki|mi|gi|ti|kb|mb|gb|tb|kib|mib|gib|tib)?$/i.exec(text)
  if (!match) throw mqError('badArgument', `Bad argument: ${text} is no amount of bytes`)
  const unit = (match[2] ?? '').toLowerCase()
  const power = ['', 'k', 'm', 'g', 't'].indexOf(unit.slice(0, 1))
  // RabbitMQ counts plain k, M and G as binary, and kB, MB and GB as decimal.
  return Math.round(Number(match[1]) * (unit.endsWith('b') && !unit.includes('i') ? 1000 : 1024) ** power)
}

function fractionOf(text: string): number {
  const fraction = Number(text)
  if (text === '' || !Number.isFinite(fraction) || fraction < 0)
    throw mqError('badArgument', `Bad argument: ${text} is no fraction`)
  return fraction
}

export const appVerbs: Record<string, MqVerb> = {
  stop_app: orderVerb(
    'stop-app',
    'Stops the broker: clients are closed, what is durable stays; management goes on',
    (node) => `Stopping rabbit application on node ${node} ...`,
  ),
  start_app: orderVerb(
    'start-app',
    'Starts the broker again after stop_app',
    (node) => `Starting node ${node} ...`,
  ),
  reset: orderVerb(
    'reset',
    'Removes every user, virtual host, queue and message; only after stop_app',
    (node) => `Resetting node ${node} ...`,
  ),
  force_reset: orderVerb(
    'reset',
    'As reset: this node has no cluster to leave',
    (node) => `Resetting node ${node} ...`,
  ),
  stop: {
    group: 'Nodes',
    summary: "Says what ends the broker's process; stop_app is another thing",
    usage: '',
    words: [0, 1],
    async run({ api, info }) {
      info(`Stopping and halting node ${await nodeName(api)} ...`)
      if (!(await api.find('nimbo/status'))) throw mqError('unavailable', elsewhere)
      throw mqError(
        'unavailable',
        "The broker is part of the cloud's controller: 'nimbo down' ends the cloud, 'nimbo mq stop_app' stops the broker alone.",
      )
    },
  },
  set_vm_memory_high_watermark: {
    group: 'Configuration and Environment',
    summary: 'Sets from where on publishers are blocked for want of memory',
    usage: '<fraction> | absolute <value>',
    words: [1, 2],
    async run({ api, words, info }) {
      const [first, value] = words
      const absolute = first === 'absolute'
      if (absolute !== (value !== undefined)) throw mqError('badArgument', 'Bad argument')
      const threshold = absolute ? { absolute: bytesOf(value!) } : fractionOf(first!)
      info(`Setting memory threshold on ${await nodeName(api)} to ${absolute ? `${value} bytes` : first} ...`)
      await order(api, 'vm-memory-high-watermark', threshold)
      return undefined
    },
  },
  set_disk_free_limit: {
    group: 'Configuration and Environment',
    summary: 'Sets from where on publishers are blocked for want of disk space',
    usage: '<disk_limit> | mem_relative <fraction>',
    words: [1, 2],
    async run({ api, words, info }) {
      const [first, value] = words
      const relative = first === 'mem_relative'
      if (relative !== (value !== undefined)) throw mqError('badArgument', 'Bad argument')
      const threshold = relative ? { mem_relative: fractionOf(value!) } : bytesOf(first!)
      const to = relative ? `${value} times the total RAM` : `${first} bytes`
      info(`Setting disk free limit on ${await nodeName(api)} to ${to} ...`)
      await order(api, 'disk-free-limit', threshold)
      return undefined
    },
  },
}

const oneNode = [
  'The broker of this cloud is one node: it forms no cluster, and what it keeps is on one disk.',
  'For more than one node, set up RabbitMQ on three hosts and join those with rabbitmqctl',
  '(stop_app, reset, join_cluster, start_app on each but the first). Then move this cloud over:',
  '',
  '  nimbo mq migrate --to amqp://USER@NODE1:5672 --dry-run    # what would be carried',
  '  nimbo mq migrate --to amqp://USER@NODE1:5672              # users, topology, then messages',
  '',
  "It ends with the line for nimbo.yaml: 'transport_url', which names all nodes.",
]

function clusterVerb(
  summary: string,
  usage: string,
  banner: (node: string, words: readonly string[]) => string,
): MqVerb {
  return {
    group: 'Cluster',
    summary,
    usage,
    words: [1, 2],
    options: { ram: { type: 'boolean' }, disc: { type: 'boolean' }, offline: { type: 'boolean' } },
    async run({ api, words, info }) {
      info(banner(await nodeName(api), words))
      throw mqError('unavailable', oneNode.join('\n'))
    },
  }
}

export const clusterVerbs: Record<string, MqVerb> = {
  join_cluster: clusterVerb(
    'Says how to move to a cluster of RabbitMQ nodes',
    '[--disc|--ram] <existing_cluster_member_node>',
    (node, [other]) => `Clustering node ${node} with ${other}`,
  ),
  forget_cluster_node: clusterVerb(
    'Says how to move to a cluster of RabbitMQ nodes',
    '[--offline] <existing_cluster_member_node>',
    (_, [other]) => `Removing node ${other} from the cluster`,
  ),
  change_cluster_node_type: clusterVerb(
    'Says how to move to a cluster of RabbitMQ nodes',
    '<disc | ram>',
    (node, [type]) => `Turning ${node} into a ${type} node`,
  ),
}

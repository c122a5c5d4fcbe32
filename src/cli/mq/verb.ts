// A verb of `nimbo mq`: its words and options as rabbitmqctl's help writes them, and what it does over the management API.
import type { World } from '#kit/world/world.ts'
import type { Terminal } from '../terminal.ts'
import type { Api } from './api.ts'
import type { Answer } from './output.ts'

export const groups = [
  'Nodes',
  'Cluster',
  'Users',
  'Access Control',
  'Monitoring, observability and health checks',
  'Parameters',
  'Policies',
  'Virtual hosts',
  'Configuration and Environment',
  'Definitions',
  'Operations',
  'Queues',
] as const

export type MqOption = { type: 'string' | 'boolean'; short?: string }

export type Call = {
  api: Api
  world: Pick<World, 'files' | 'timers' | 'clock'>
  terminal: Terminal
  words: readonly string[]
  options: Readonly<Record<string, string | boolean | undefined>>
  /** Of -p; '/' without it. */
  vhost: string
  /** A line that tells what goes on; -q, -s and formats for programs leave it out. */
  info(line: string): void
}

export type MqVerb = {
  group: (typeof groups)[number]
  summary: string
  /** After the verb: '[--vhost <vhost>] <username>'. */
  usage: string
  /** Fewest and most words. */
  words: readonly [least: number, most: number]
  /** Besides those that all verbs have. */
  options?: Readonly<Record<string, MqOption>>
  /** What may be asked for as words. */
  columns?: readonly string[]
  run(call: Call): Promise<Answer | undefined>
}

// A bus for tests that hands each message over in memory, checked against its contract. Only tests import this.
import { Check } from 'typebox/value'
import { CloudError } from '../errors/cloud-error.ts'
import type { Journal } from '../journal/journal.ts'
import type { World } from '../world/world.ts'
import type { Bus, Caller, Handlers, Incoming, Notification } from './bus.ts'
import type { Contract, Methods } from './contract.ts'

type Handler = (params: unknown, incoming: Incoming) => Promise<unknown>
export type SentMessage = { method: string; host: string | undefined; params: Record<string, unknown> }

export type TestBus = Bus & {
  readonly sent: SentMessage[]
  readonly notifications: Notification[]
  /** A method of which the next messages get lost. */
  lose(method: string, times: number): void
}

export function testBus(world: World, journal: () => Journal): TestBus {
  const servers = new Map<string, Record<string, Handler>>()
  const sent: SentMessage[] = []
  const notifications: Notification[] = []
  const losses = new Map<string, number>()

  const find = (contract: Contract, host: string | undefined): Record<string, Handler> | undefined => {
    if (host !== undefined) return servers.get(`${contract.topic}.${host}`)
    return [...servers].find(([name]) => name.startsWith(`${contract.topic}.`))?.[1]
  }

  return {
    sent,
    notifications,
    connected: true,
    lose: (method, times) => void losses.set(method, times),
    caller<M extends Methods>(contract: Contract<M>, service: string): Caller<M> {
      const calls = Object.entries(contract.methods).map(([name, method]) => [
        name,
        async (params: unknown, options: { host?: string; trace: Parameters<Journal['childOf']>[0] }) => {
          const label = `${contract.topic}.${name}`
          if (!Check(method.params, params))
            throw new Error(`${label} was sent what its contract does not know`)
          sent.push({ method: label, host: options.host, params: params as Record<string, unknown> })
          const left = losses.get(label) ?? 0
          if (left > 0) {
            losses.set(label, left - 1)
            if (method.kind === 'cast') return undefined
            throw new CloudError('timeout', `No answer to ${label}`)
          }
          journal()
            .as(service)
            .record(options.trace, { kind: method.kind === 'cast' ? 'rpc.cast' : 'rpc.call', name: label })
          const handler = find(contract, options.host)?.[name]
          const incoming: Incoming = {
            trace: journal().childOf(options.trace),
            messageId: world.random.uuid(),
            deadline: undefined,
            redelivered: false,
            user: 'controller',
          }
          if (method.kind === 'cast') {
            // As a queue does: the sender doesn't wait for what the receiver makes of it.
            if (handler)
              void world.activity.track(
                new Promise((resolve) => setImmediate(resolve)).then(() => handler(params, incoming)),
              )
            return undefined
          }
          if (!handler) throw new CloudError('timeout', `Nobody serves ${label}`)
          const result = await handler(params, incoming)
          if (!Check(method.result, result))
            throw new Error(`${label} was answered with what its contract does not know`)
          return result
        },
      ])
      return Object.fromEntries(calls) as Caller<M>
    },
    async serve<M extends Methods>(
      contract: Contract<M>,
      host: string,
      _service: string,
      handlers: Handlers<M>,
    ) {
      const name = `${contract.topic}.${host}`
      servers.set(name, handlers as unknown as Record<string, Handler>)
      return { stop: async () => void servers.delete(name) }
    },
    notify: async (_trace, notification) => void notifications.push(notification),
    close: async () => {},
  }
}

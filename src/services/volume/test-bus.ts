// A bus for volume's tests that hands each message over in memory, checked against its contract. Only tests import this.
import { Check } from 'typebox/value'
import type { Bus, Caller, Handlers, Incoming, Notification, SendOptions } from '#kit/bus/bus.ts'
import type { Contract, Methods } from '#kit/bus/contract.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Journal } from '#kit/journal/journal.ts'
import type { World } from '#kit/world/world.ts'

type Handler = (params: unknown, incoming: Incoming) => Promise<unknown>

export type TestBus = Bus & { readonly notifications: Notification[] }

export function testBus(world: World, journal: () => Journal): TestBus {
  const servers = new Map<string, Record<string, Handler>>()
  const notifications: Notification[] = []
  const find = (topic: string, host: string | undefined) =>
    host === undefined
      ? [...servers].find(([name]) => name.startsWith(`${topic}.`))?.[1]
      : servers.get(`${topic}.${host}`)
  return {
    notifications,
    connected: true,
    caller<M extends Methods>(contract: Contract<M>): Caller<M> {
      const calls = Object.entries(contract.methods).map(([name, method]) => [
        name,
        async (params: unknown, options: SendOptions) => {
          const label = `${contract.topic}.${name}`
          if (!Check(method.params, params))
            throw new Error(`${label} was sent what its contract does not know`)
          const handler = find(contract.topic, options.host)?.[name]
          const incoming: Incoming = {
            trace: journal().childOf(options.trace),
            messageId: world.random.uuid(),
            deadline: undefined,
            redelivered: false,
          }
          if (method.kind === 'cast') {
            // As a queue does: the sender doesn't wait for what the receiver makes of it.
            const later = new Promise((resolve) => setImmediate(resolve))
            if (handler) void world.activity.track(later.then(() => handler(params, incoming)))
            return undefined
          }
          if (!handler) throw new CloudError('timeout', `Nobody serves ${label}`)
          const result = await handler(params, incoming)
          if (!Check(method.result, result)) throw new Error(`${label} gave what its contract does not know`)
          return result
        },
      ])
      return Object.fromEntries(calls) as Caller<M>
    },
    async serve<M extends Methods>(contract: Contract<M>, host: string, _: string, handlers: Handlers<M>) {
      const name = `${contract.topic}.${host}`
      servers.set(name, handlers as unknown as Record<string, Handler>)
      return { stop: async () => void servers.delete(name) }
    },
    notify: async (_trace, notification) => void notifications.push(notification),
    close: async () => {},
  }
}

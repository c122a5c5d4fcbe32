// Which function answers which method, by its name.
import type { MethodFields, MethodName } from '#kit/amqp/methods.ts'
import { answerHandlers } from './answer.ts'
import { basicHandlers } from './basic-methods.ts'
import type { Channel } from './channel.ts'
import { exchangeHandlers } from './exchange-methods.ts'
import { queueHandlers } from './queue-methods.ts'
import { transactionHandlers } from './transaction.ts'

export type Handlers = { [N in MethodName]?: (channel: Channel, fields: MethodFields<N>) => void }

export const handlers: Handlers = {
  ...exchangeHandlers,
  ...queueHandlers,
  ...basicHandlers,
  ...answerHandlers,
  ...transactionHandlers,
}

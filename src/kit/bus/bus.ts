// What services and agents see of the bus; client.ts and server.ts speak AMQP underneath.
import type { Trace } from '../journal/journal.ts'
import type { Contract, Methods, ParamsOf, ResultOf } from './contract.ts'

export type Target = {
  /** One server of the topic by its host; without it any one of them takes the message. */
  host?: string
  /** All servers of the topic; casts only. */
  fanout?: boolean
}
export type SendOptions = Target & {
  trace: Trace
  timeoutMs?: number
  /** 'server:<uuid>', for the journal. */
  subject?: string
}

export type Caller<M extends Methods> = {
  [Name in keyof M]: (params: ParamsOf<M[Name]>, options: SendOptions) => Promise<ResultOf<M[Name]>>
}

export type Incoming = {
  trace: Trace
  messageId: string
  deadline: number | undefined
  redelivered: boolean
  /** The bus user who sent it, as the broker has checked. */
  user: string | undefined
}
export type Handlers<M extends Methods> = {
  [Name in keyof M]: (params: ParamsOf<M[Name]>, incoming: Incoming) => Promise<ResultOf<M[Name]>>
}

export type Served = { stop(): Promise<void> }

export type Notification = {
  eventType: string
  publisherId: string
  priority: 'info' | 'error'
  payload: Record<string, unknown>
}

export type Bus = {
  /** `service` is the name under which the journal shows the sender. */
  caller<M extends Methods>(contract: Contract<M>, service: string): Caller<M>
  /**
   * Listens on `topic.host`, on the topic's fan-out and, as a controller, on `topic`. A cast is acknowledged after its
   * handler returns, and is handled once however often it comes.
   */
  serve<M extends Methods>(
    contract: Contract<M>,
    host: string,
    service: string,
    handlers: Handlers<M>,
  ): Promise<Served>
  /** oslo.messaging's envelope on topic `notifications`. */
  notify(trace: Trace, notification: Notification): Promise<void>
  readonly connected: boolean
  close(): Promise<void>
}

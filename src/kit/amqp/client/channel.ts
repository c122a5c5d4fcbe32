// One channel of a client: questions answered in turn, confirmed publishing, consumers.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { bodyOf, type Content, ContentAssembler, makeContent, propertiesOf } from '../content.ts'
import { connectionError, receivedError } from '../error.ts'
import type { Method, MethodFields, MethodInput, MethodName } from '../methods.ts'
import type { Outbox } from '../outbox.ts'
import type { Properties } from '../property.ts'
import type { Table } from '../table.ts'

export type Delivered = {
  deliveryTag: number
  redelivered: boolean
  exchange: string
  routingKey: string
  properties: Properties
  body: Buffer
  /** As it came, for who hands it on: decoding would lose the types of header values. */
  content: Content
}

/** Methods that have one answer, named as they with '-ok'. */
export type Question = { [N in MethodName]: `${N}-ok` extends MethodName ? N : never }[MethodName]
export type Answer<N extends Question> = `${N}-ok` extends MethodName ? MethodFields<`${N}-ok`> : never

type Waiting = { answer: string; resolve: (fields: never) => void; reject: (error: Error) => void }
type Unconfirmed = {
  messageId: string | undefined
  returned: boolean
  resolve: (outcome: Published) => void
  reject: (error: Error) => void
}
type Listening = { delivered: (message: Delivered) => void; cancelled: () => void }

/** A mandatory message that no queue took is 'returned'. */
export type Published = 'routed' | 'returned'

export class ClientChannel {
  readonly number: number
  /** Why it can't be used any more. */
  closedBy: Error | undefined
  /** Called once when it closes without having been asked to. */
  onClosed: (error: Error) => void = () => {}
  /** Messages that came back and weren't published with confirms. */
  onReturned: (properties: Properties) => void = () => {}
  readonly #outbox: Outbox
  readonly #waiting: Waiting[] = []
  readonly #unconfirmed = new Map<number, Unconfirmed>()
  readonly #listening = new Map<string, Listening>()
  readonly #assembler = new ContentAssembler()
  #confirming = false
  #published = 0
  #arriving: Method | undefined

  constructor(number: number, outbox: Outbox) {
    this.number = number
    this.#outbox = outbox
  }

  /** Sends a method and gives its answer; answers come in the order of the questions. */
  ask<N extends Question>(name: N, fields: MethodInput<N>): Promise<Answer<N>> {
    return new Promise((resolve, reject) => {
      if (this.closedBy) return reject(this.closedBy)
      this.#waiting.push({ answer: `${name}-ok`, resolve, reject })
      this.tell(name, fields)
    })
  }

  /** Sends a method that has no answer. */
  tell<N extends MethodName>(name: N, fields: MethodInput<N>): void {
    if (!this.closedBy) this.#outbox.method(this.number, name, fields)
  }

  async confirmPublishing(): Promise<void> {
    this.#confirming = true
    await this.ask('confirm.select', {})
  }

  /** With confirms: resolves when the broker has taken the message over. Without: resolves once it is in the outbox. */
  publish(
    exchange: string,
    routingKey: string,
    properties: Properties,
    body: Buffer,
    mandatory = false,
  ): Promise<Published> {
    const content = () => makeContent(properties, body, this.#outbox.frameMax)
    return this.#send(exchange, routingKey, content, mandatory, properties.messageId)
  }

  /** As `publish`, with a message that came from elsewhere, octet for octet. */
  forward(exchange: string, routingKey: string, content: Content, mandatory = false): Promise<Published> {
    const { messageId } = propertiesOf(content)
    return this.#send(exchange, routingKey, () => content, mandatory, messageId)
  }

  #send(
    exchange: string,
    routingKey: string,
    content: () => Content,
    mandatory: boolean,
    messageId: string | undefined,
  ): Promise<Published> {
    return new Promise((resolve, reject) => {
      if (this.closedBy) return reject(this.closedBy)
      const made = content()
      this.#outbox.method(this.number, 'basic.publish', { exchange, routingKey, mandatory })
      this.#outbox.content(this.number, made)
      if (!this.#confirming) return resolve('routed')
      const tag = ++this.#published
      this.#unconfirmed.set(tag, { messageId, returned: false, resolve, reject })
    })
  }

  /** `cancelled` is called when the queue is deleted under the consumer. */
  async consume(
    queue: string,
    tag: string,
    options: { noAck?: boolean; exclusive?: boolean; arguments?: Table },
    delivered: (message: Delivered) => void,
    cancelled: () => void,
  ): Promise<void> {
    this.#listening.set(tag, { delivered, cancelled })
    await this.ask('basic.consume', {
      queue,
      consumerTag: tag,
      noAck: options.noAck,
      exclusive: options.exclusive,
      arguments: options.arguments,
    })
  }

  async cancel(tag: string): Promise<void> {
    await this.ask('basic.cancel', { consumerTag: tag })
    this.#listening.delete(tag)
  }

  ack(deliveryTag: number): void {
    this.tell('basic.ack', { deliveryTag })
  }

  async close(): Promise<void> {
    if (this.closedBy) return
    await this.ask('channel.close', { replyCode: 200, replyText: 'closed by the client' }).catch(() => {
      // Whatever ended the channel meanwhile has done our work.
    })
    this.end(new CloudError('unavailable', 'The channel to the message broker was closed'), false)
  }

  /** The channel is over: everybody who waits is told. */
  end(error: Error, unasked = true): void {
    if (this.closedBy) return
    this.closedBy = error
    for (const { reject } of this.#waiting.splice(0)) reject(error)
    for (const { reject } of this.#unconfirmed.values()) reject(error)
    this.#unconfirmed.clear()
    this.#listening.clear()
    if (unasked) this.onClosed(error)
  }

  /** A method from the broker. */
  method(method: Method): void {
    switch (method.name) {
      case 'basic.deliver':
      case 'basic.return':
        this.#arriving = method
        break
      case 'basic.ack':
        this.#confirmed(method.fields, ({ resolve, returned }) => resolve(returned ? 'returned' : 'routed'))
        break
      case 'basic.nack':
        this.#confirmed(method.fields, ({ reject }) =>
          reject(
            new CloudError('unavailable', 'The message broker refused a message', { type: 'MessageRefused' }),
          ),
        )
        break
      case 'basic.cancel': {
        const { consumerTag } = method.fields
        this.#listening.get(consumerTag)?.cancelled()
        this.#listening.delete(consumerTag)
        break
      }
      case 'channel.flow':
        this.tell('channel.flow-ok', method.fields)
        break
      case 'channel.close': {
        this.tell('channel.close-ok', {})
        this.end(receivedError('channel', method.fields.replyCode, method.fields.replyText))
        break
      }
      default: {
        const next = this.#waiting.shift()
        if (next?.answer !== method.name)
          throw connectionError(503, `${method.name} came, nobody asked for it`)
        next.resolve(method.fields as never)
      }
    }
  }

  header(buffer: Buffer, start: number, end: number): void {
    this.#content(this.#assembler.header(buffer, start, end))
  }

  body(buffer: Buffer, start: number, end: number): void {
    this.#content(this.#assembler.body(buffer, start, end))
  }

  #content(content: Content | undefined): void {
    if (!content) return
    const method = this.#arriving
    this.#arriving = undefined
    if (method?.name === 'basic.return') this.#returned(propertiesOf(content))
    else if (method?.name === 'basic.deliver') {
      const { consumerTag, ...rest } = method.fields
      this.#listening
        .get(consumerTag)
        ?.delivered({ ...rest, properties: propertiesOf(content), body: bodyOf(content), content })
    }
  }

  /** The broker returns a message before it confirms it. */
  #returned(properties: Properties): void {
    for (const message of this.#unconfirmed.values()) {
      if (message.messageId !== properties.messageId) continue
      message.returned = true
      return
    }
    this.onReturned(properties)
  }

  #confirmed(
    { deliveryTag, multiple }: { deliveryTag: number; multiple: boolean },
    settle: (message: Unconfirmed) => void,
  ): void {
    for (const [tag, message] of multiple
      ? this.#unconfirmed
      : [[deliveryTag, this.#unconfirmed.get(deliveryTag)] as const]) {
      if (tag > deliveryTag) break
      this.#unconfirmed.delete(tag)
      if (message) settle(message)
    }
  }
}

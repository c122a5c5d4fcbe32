// One published message, shared by all queues that hold it.
import { type Content, propertiesAt, propertiesEnd, propertiesOf } from '#kit/amqp/content.ts'
import { channelError } from '#kit/amqp/error.ts'
import { type Properties, propertyFlag, readDeliveryMode, readPriority } from '#kit/amqp/property.ts'
import type { Segment } from '../store/segment.ts'

const none: readonly string[] = []

export class Message {
  /** Exchange and routing key as short strings: the octets that basic.deliver and basic.return repeat. */
  address: Buffer
  content: Content
  readonly persistent: boolean
  /** Where the store has it, once a queue holds it. */
  segment: Segment | undefined
  entry = 0
  /** More routing keys, from its CC and BCC headers. */
  copies: readonly string[] = none
  #exchange: string | undefined
  #routingKey: string | undefined
  #properties: Properties | undefined

  /** Without names they are read from the address when somebody asks. */
  constructor(
    exchange: string | undefined,
    routingKey: string | undefined,
    address: Buffer,
    content: Content,
  ) {
    this.#exchange = exchange
    this.#routingKey = routingKey
    this.address = address
    this.content = content
    const { frames } = content
    this.persistent = readDeliveryMode(frames, propertiesAt, propertiesEnd(frames)) === 2
  }

  get exchange(): string {
    this.#exchange ??= this.address.toString('utf8', 1, 1 + this.address[0]!)
    return this.#exchange
  }

  get routingKey(): string {
    this.#routingKey ??= this.address.toString('utf8', 2 + this.address[0]!)
    return this.#routingKey
  }

  has(flag: keyof typeof propertyFlag): boolean {
    return (this.content.frames.readUInt16BE(propertiesAt) & propertyFlag[flag]) !== 0
  }

  get properties(): Properties {
    this.#properties ??= propertiesOf(this.content)
    return this.#properties
  }

  /** Changed by the broker, before any queue has it. */
  replaceContent(content: Content): void {
    this.content = content
    this.#properties = undefined
  }

  /** Milliseconds that it may wait; undefined is for ever. Throws 406 where the property is no whole number. */
  get expirationMs(): number | undefined {
    if (!this.has('expiration')) return undefined
    const text = this.properties.expiration!
    const problem = expirationProblem(text)
    if (problem) throw channelError(406, `invalid expiration '${text}': ${problem}`)
    return Number(text)
  }

  get priority(): number {
    const { frames } = this.content
    return readPriority(frames, propertiesAt, propertiesEnd(frames))
  }

  /** Lets go of the chunk it arrived in, where that would keep much more memory than the message needs. */
  detach(): void {
    const { content, address } = this
    if (content.frames.buffer.byteLength <= content.frames.length * 2) return
    const own = Buffer.allocUnsafeSlow(content.frames.length + address.length)
    content.frames.copy(own)
    address.copy(own, content.frames.length)
    this.content = { ...content, frames: own.subarray(0, content.frames.length) }
    this.address = own.subarray(content.frames.length)
  }
}

/** Ten years in milliseconds: RabbitMQ's bound of expirations, in its words. */
export const longestExpirationMs = 315_360_000_000

function expirationProblem(text: string): string | undefined {
  if (!/^[+-]?\d{1,30}$/.test(text)) return 'no_integer'
  const value = Number(text)
  if (value < 0) return `{value_negative,${value}}`
  return value > longestExpirationMs ? `{value_too_large,${value}}` : undefined
}

// One published message, shared by all queues that hold it.
import { type Content, propertiesAt, propertiesEnd, propertiesOf } from '#kit/amqp/content.ts'
import { channelError } from '#kit/amqp/error.ts'
import { type Properties, propertyFlag, readDeliveryMode } from '#kit/amqp/property.ts'

const none: readonly string[] = []

export class Message {
  readonly exchange: string
  readonly routingKey: string
  /** Exchange and routing key as short strings: the octets that basic.deliver and basic.return repeat. */
  address: Buffer
  content: Content
  readonly persistent: boolean
  /** More routing keys, from its CC and BCC headers. */
  copies: readonly string[] = none
  /** Its place in the store; 0 while it is in none. */
  storeId = 0
  #properties: Properties | undefined

  constructor(exchange: string, routingKey: string, address: Buffer, content: Content) {
    this.exchange = exchange
    this.routingKey = routingKey
    this.address = address
    this.content = content
    const { frames } = content
    this.persistent = readDeliveryMode(frames, propertiesAt, propertiesEnd(frames)) === 2
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

/** About 49.7 days in milliseconds: what fits in 32 bits. RabbitMQ's bound, in its words. */
const longestExpiration = 2 ** 32 - 1

function expirationProblem(text: string): string | undefined {
  if (!/^[+-]?\d{1,30}$/.test(text)) return 'no_integer'
  const value = Number(text)
  if (value < 0) return `{value_negative,${value}}`
  return value > longestExpiration ? `{value_too_large,${value}}` : undefined
}

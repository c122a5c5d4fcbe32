// The codec: what is written is read again, whatever the chunks it arrives in.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  bodyOf,
  type Content,
  ContentAssembler,
  editContent,
  makeContent,
  propertiesAt,
  propertiesEnd,
  propertiesOf,
  writeContent,
} from './content.ts'
import { Cursor } from './cursor.ts'
import { AmqpError } from './error.ts'
import { FrameScanner } from './frame.ts'
import { readMethod, writeMethod } from './method.ts'
import { type FieldType, type MethodName, methods } from './methods.ts'
import { checkProperties, type Properties, readDeliveryMode, readProperties } from './property.ts'
import { frameType } from './protocol.ts'
import { Decimal, type FieldValue, readTable, type Table, Timestamp, Typed, writeTable } from './table.ts'
import { Writer } from './writer.ts'

const shortText = fc.string({ maxLength: 60, unit: 'grapheme' })
const octets = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))
const seconds = fc.oneof(fc.maxSafeNat(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }))

const { table } = fc.letrec<{ value: FieldValue; table: Table }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.bigInt({ min: 2n ** 60n, max: 2n ** 63n - 1n }),
    fc.double({ noNaN: true }),
    shortText,
    octets,
    fc.constant(null),
    seconds.map((each) => new Timestamp(each)),
    fc
      .tuple(fc.nat(255), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }))
      .map(([scale, value]) => new Decimal(scale, value)),
    fc.array(tie('value'), { maxLength: 4 }),
    tie('table'),
  ),
  table: fc.dictionary(shortText, tie('value'), { maxKeys: 5, noNullPrototype: true }),
}))

const ofType: Record<FieldType, fc.Arbitrary<unknown>> = {
  bit: fc.boolean(),
  octet: fc.nat(255),
  short: fc.nat(65535),
  long: fc.nat(2 ** 32 - 1),
  longlong: fc.maxSafeNat(),
  shortstr: shortText,
  longstr: octets,
  table,
}
const method = fc.constantFrom(...(Object.keys(methods) as MethodName[])).chain((name) =>
  fc.record({
    name: fc.constant(name),
    fields: fc.record(
      Object.fromEntries(
        Object.entries<FieldType>(methods[name].fields).map(([field, type]) => [field, ofType[type]]),
      ),
    ),
  }),
)
const properties: fc.Arbitrary<Properties> = fc.record(
  {
    contentType: shortText,
    contentEncoding: shortText,
    headers: table,
    deliveryMode: fc.nat(255),
    priority: fc.nat(255),
    correlationId: shortText,
    replyTo: shortText,
    expiration: shortText,
    messageId: shortText,
    timestamp: seconds,
    type: shortText,
    userId: shortText,
    appId: shortText,
    clusterId: shortText,
  },
  { requiredKeys: [], noNullPrototype: true },
)

describe('field tables', () => {
  test('come back as they were', () => {
    fc.assert(
      fc.property(table, (given) => {
        const writer = new Writer(1)
        writeTable(writer, given)
        const cursor = new Cursor(writer.written())
        expect(readTable(cursor)).toEqual(given)
        expect(cursor.at).toBe(writer.at)
      }),
    )
  })

  test('carry each numeric type of RabbitMQ', () => {
    const given = {
      b: new Typed('b', -3),
      B: new Typed('B', 250),
      s: new Typed('s', -3000),
      u: new Typed('u', 60000),
      I: new Typed('I', -70000),
      i: new Typed('i', 4_000_000_000),
      l: new Typed('l', -5),
      f: new Typed('f', 0.5),
      d: new Typed('d', 3),
    }
    const writer = new Writer()
    writeTable(writer, given)
    expect(
      writer.written().filter((octet) => 'bBsuIilfd'.includes(String.fromCharCode(octet))).length,
    ).toBeGreaterThanOrEqual(18)
    expect(readTable(new Cursor(writer.written()))).toEqual({
      b: -3,
      B: 250,
      s: -3000,
      u: 60000,
      I: -70000,
      i: 4_000_000_000,
      l: -5,
      f: 0.5,
      d: 3,
    })
  })

  test('a key named __proto__ is only a key', () => {
    const writer = new Writer()
    writeTable(writer, JSON.parse('{"__proto__": {"admin": true}}'))
    const read = readTable(new Cursor(writer.written()))
    expect(Object.keys(read)).toEqual(['__proto__'])
    expect((read as { admin?: boolean }).admin).toBeUndefined()
  })

  test('garbage is a syntax error, never a crash', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        try {
          readTable(new Cursor(Buffer.from(bytes)))
        } catch (error) {
          expect(error).toBeInstanceOf(AmqpError)
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('nesting is bounded', () => {
    let nested: Table = {}
    for (let i = 0; i < 40; i++) nested = { n: nested }
    const writer = new Writer()
    writeTable(writer, nested)
    expect(() => readTable(new Cursor(writer.written()))).toThrow('SYNTAX_ERROR')
  })
})

describe('methods', () => {
  test('come back as they were, every one of them', () => {
    fc.assert(
      fc.property(method, ({ name, fields }) => {
        const writer = new Writer(1)
        writeMethod(writer, name, fields)
        const read = readMethod(writer.buffer, 0, writer.at)
        expect(read.name).toBe(name)
        expect(read.fields).toEqual(fields)
      }),
      { numRuns: 500 },
    )
  })

  test('the numbers of the specification', () => {
    const writer = new Writer()
    writeMethod(writer, 'basic.qos', { prefetchSize: 1, prefetchCount: 258, global: true })
    expect(writer.written().toString('hex')).toBe('003c000a00000001010201')
    writer.at = 0
    writeMethod(writer, 'queue.declare', {
      queue: 'q',
      durable: true,
      autoDelete: true,
      arguments: { 'x-expires': 5 },
    })
    expect(writer.written().toString('hex')).toBe('0032000a000001710a0000000f09782d657870697265734900000005')
  })

  test('cut short or unknown is a connection error', () => {
    const writer = new Writer()
    writeMethod(writer, 'basic.consume', { queue: 'queue', consumerTag: 'tag', arguments: { a: 1 } })
    for (let end = 0; end < writer.at; end++)
      expect(() => readMethod(writer.buffer, 0, end)).toThrow(AmqpError)
    expect(() => readMethod(Buffer.from([0, 60, 0, 99]), 0, 4)).toThrow('COMMAND_INVALID')
  })
})

/** A scanner and assembler that collect what a receiver would see. */
function receiver(frameMax: number) {
  const seen: unknown[] = []
  const contents: Content[] = []
  const assembler = new ContentAssembler()
  const scanner = new FrameScanner((type, channel, buffer, start, end) => {
    if (type === frameType.method) seen.push([channel, readMethod(buffer, start, end)])
    else if (type === frameType.heartbeat) seen.push('heartbeat')
    else {
      const content =
        type === frameType.header ? assembler.header(buffer, start, end) : assembler.body(buffer, start, end)
      if (!content) return
      contents.push(content)
      seen.push([channel, propertiesOf(content), bodyOf(content)])
    }
  })
  scanner.frameMax = frameMax
  return { scanner, seen, contents }
}

function frame(writer: Writer, type: number, channel: number, payload: () => void): void {
  writer.octet(type)
  writer.short(channel)
  writer.long(0)
  const start = writer.at
  payload()
  writer.buffer.writeUInt32BE(writer.at - start, start - 4)
  writer.octet(0xce)
}

describe('frames', () => {
  const frameMax = 4096
  const writer = new Writer()
  const body = Buffer.from(Array.from({ length: 300 }, (_, i) => i % 251))
  frame(writer, frameType.method, 7, () =>
    writeMethod(writer, 'basic.publish', { exchange: 'x', routingKey: 'key' }),
  )
  writeContent(
    writer,
    7,
    makeContent({ messageId: 'one', headers: { a: [1, 'b'] }, deliveryMode: 2 }, body, 120),
    frameMax,
  )
  frame(writer, frameType.heartbeat, 0, () => {})
  writeContent(writer, 7, makeContent({}, Buffer.alloc(0), frameMax), frameMax)
  const stream = Buffer.from(writer.written())
  const whole = receiver(frameMax)
  whole.scanner.push(stream)

  test('a stream in one chunk', () => {
    expect(whole.seen).toHaveLength(4)
    expect(whole.seen[1]).toEqual([7, { messageId: 'one', headers: { a: [1, 'b'] }, deliveryMode: 2 }, body])
    expect(whole.seen[3]).toEqual([7, {}, Buffer.alloc(0)])
  })

  test('the same stream split at every point', () => {
    for (let at = 0; at <= stream.length; at++) {
      const split = receiver(frameMax)
      split.scanner.push(Buffer.from(stream.subarray(0, at)))
      split.scanner.push(Buffer.from(stream.subarray(at)))
      expect(split.seen).toEqual(whole.seen)
    }
  })

  test('the same stream octet by octet, and in any chunks', () => {
    const single = receiver(frameMax)
    for (const octet of stream) single.scanner.push(Buffer.from([octet]))
    expect(single.seen).toEqual(whole.seen)
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (sizes) => {
        const chunked = receiver(frameMax)
        for (let at = 0, i = 0; at < stream.length; i++) {
          const size = sizes[i % sizes.length]!
          chunked.scanner.push(Buffer.from(stream.subarray(at, at + size)))
          at += size
        }
        expect(chunked.seen).toEqual(whole.seen)
      }),
    )
  })

  test('a message is passed on by its octets, in smaller frames where the receiver wants them', () => {
    fc.assert(
      fc.property(
        properties,
        fc.uint8Array({ maxLength: 20_000 }),
        fc.integer({ min: 4096, max: 9000 }),
        (given, bytes, most) => {
          const content = makeContent(given, Buffer.from(bytes), 131072)
          const out = new Writer()
          writeContent(out, 513, content, most)
          const end = receiver(131072)
          end.scanner.push(Buffer.from(out.written()))
          expect(end.seen).toEqual([[513, given, Buffer.from(bytes)]])
          const headerFrame = content.frames.readUInt32BE(3) + 8
          expect(end.contents[0]!.largestFrame).toBeLessThanOrEqual(Math.max(most, headerFrame))
          expect(readDeliveryMode(content.frames, 19, 7 + content.frames.readUInt32BE(3))).toBe(
            given.deliveryMode ?? 1,
          )
        },
      ),
    )
  })

  test('properties that are edited leave the others, and their types, octet by octet', () => {
    fc.assert(
      fc.property(properties, octets, fc.string({ maxLength: 20 }), (given, body, replyTo) => {
        const wide = { ...given.headers, wide: new Typed('l', 5), whole: new Typed('d', 3), gone: 'x' }
        const content = makeContent({ ...given, headers: wide }, body, 131072)
        const put = { gone: undefined, more: [1, 'a'] }
        const edited = editContent(content, { headers: put, replyTo, expiration: undefined })
        const { gone: _, ...kept } = wide
        const headers = { ...kept, ...put, wide: 5, whole: 3 }
        expect(propertiesOf(edited)).toEqual({ ...given, headers, replyTo, expiration: undefined })
        expect(bodyOf(edited)).toEqual(body)
        // As it was written: eight octets each, where a number read and written again would take fewer.
        const written = edited.frames.toString('latin1')
        expect(written).toContain('\x04widel\0\0\0\0\0\0\0\x05')
        expect(written).toContain('\x05wholed\x40\x08')
        expect(() => checkProperties(edited.frames, propertiesAt, propertiesEnd(edited.frames))).not.toThrow()
      }),
    )
  })

  test('what passes as sound properties can be read, and nothing else', () => {
    fc.assert(
      fc.property(fc.nat(65535), octets, (flags, rest) => {
        const buffer = Buffer.concat([Buffer.from([flags >>> 8, flags & 0xff]), rest])
        let isSound = true
        try {
          checkProperties(buffer, 0, buffer.length)
        } catch (error) {
          expect(error).toBeInstanceOf(AmqpError)
          isSound = false
        }
        if (isSound) expect(() => readProperties(buffer, 0, buffer.length)).not.toThrow()
      }),
      { numRuns: 3000 },
    )
  })

  test('a wrong end octet and an oversized frame are frame errors', () => {
    const broken = Buffer.from(stream)
    broken[broken.readUInt32BE(3) + 7] = 0
    expect(() => receiver(frameMax).scanner.push(broken)).toThrow('FRAME_ERROR')
    expect(() => receiver(frameMax).scanner.push(Buffer.from([1, 0, 0, 0, 0, 16, 0]))).toThrow('FRAME_ERROR')
  })
})

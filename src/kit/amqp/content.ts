// A message's header and body frames, kept as they came: who passes a message on copies its octets and changes
// only the channel numbers in them. Properties are read when something needs them.
import { connectionError, syntaxError } from './error.ts'
import {
  editProperties,
  type Properties,
  type PropertyEdit,
  readProperties,
  writeProperties,
} from './property.ts'
import { basicClass, frameEnd, frameOverhead, frameType } from './protocol.ts'
import { Writer } from './writer.ts'

export type Content = {
  /** The header frame, then the body frames, with any channel numbers. */
  readonly frames: Buffer
  readonly bodySize: number
  /** Octets of the largest frame among them: some receivers accept only smaller ones. */
  readonly largestFrame: number
}

/** Where the property flags stand in `Content.frames`: after the frame's head, class, weight and body size. */
export const propertiesAt = 7 + 12

export function propertiesEnd(frames: Buffer): number {
  return 7 + frames.readUInt32BE(3)
}

/** Whether the properties' octets hold a text anywhere: tells cheaply that a property can't have it. */
export function mayHold({ frames }: Content, text: string): boolean {
  return frames.subarray(propertiesAt, propertiesEnd(frames)).includes(text, 0, 'latin1')
}

export function propertiesOf(content: Content): Properties {
  return readProperties(content.frames, propertiesAt, propertiesEnd(content.frames))
}

/** The body in one piece; not copied where it came in one frame. */
export function bodyOf(content: Content): Buffer {
  const parts = bodyParts(content.frames)
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}

function bodyParts(frames: Buffer): Buffer[] {
  const parts: Buffer[] = []
  let at = propertiesEnd(frames) + 1
  while (at < frames.length) {
    const size = frames.readUInt32BE(at + 3)
    parts.push(frames.subarray(at + 7, at + 7 + size))
    at += size + frameOverhead
  }
  return parts
}

export function makeContent(properties: Properties, body: Buffer, frameMax: number): Content {
  const writer = new Writer(256 + body.length + frameOverhead)
  writer.octet(frameType.header)
  writer.short(0)
  writer.long(0)
  writer.short(basicClass)
  writer.short(0)
  writer.longlong(body.length)
  writeProperties(writer, properties)
  const headerFrame = writer.at + 1
  if (headerFrame > frameMax)
    throw syntaxError(`the properties need a frame of ${headerFrame} octets, ${frameMax} are allowed`)
  writer.buffer.writeUInt32BE(writer.at - 7, 3)
  writer.octet(frameEnd)
  return { ...writeBody(writer, [body], frameMax, headerFrame), bodySize: body.length }
}

/** The same message with some properties changed; its body and all other properties stay octet by octet. */
export function editContent(content: Content, edit: PropertyEdit): Content {
  const { frames, bodySize } = content
  const end = propertiesEnd(frames)
  const writer = new Writer(frames.length + 512)
  writer.bytes(frames.subarray(0, propertiesAt))
  editProperties(writer, frames, propertiesAt, end, edit)
  writer.buffer.writeUInt32BE(writer.at - 7, 3)
  const headerFrame = writer.at + 1
  writer.bytes(frames.subarray(end))
  return { frames: writer.written(), bodySize, largestFrame: Math.max(content.largestFrame, headerFrame) }
}

function writeBody(writer: Writer, parts: Buffer[], frameMax: number, headerFrame: number) {
  const most = frameMax - frameOverhead
  let largestFrame = headerFrame
  for (const part of parts) {
    for (let from = 0; from < part.length; from += most) {
      const piece = part.subarray(from, from + most)
      writer.octet(frameType.body)
      writer.short(0)
      writer.longstr(piece)
      writer.octet(frameEnd)
      largestFrame = Math.max(largestFrame, piece.length + frameOverhead)
    }
  }
  return { frames: writer.written(), largestFrame }
}

/** The same message in frames of at most `frameMax` octets. A header that doesn't fit stays: it can't be split. */
function refit(content: Content, frameMax: number): Content {
  const headerEnd = propertiesEnd(content.frames) + 1
  const writer = new Writer(content.frames.length * 2)
  writer.bytes(content.frames.subarray(0, headerEnd))
  return { ...writeBody(writer, bodyParts(content.frames), frameMax, headerEnd), bodySize: content.bodySize }
}

export function fitted(content: Content, frameMax: number): Content {
  return content.largestFrame <= frameMax ? content : refit(content, frameMax)
}

export function writeContent(writer: Writer, channel: number, content: Content, frameMax: number): void {
  const { frames } = fitted(content, frameMax)
  const size = frames.length
  writer.room(size)
  const start = writer.at
  frames.copy(writer.buffer, start)
  writer.at = start + size
  setChannel(writer.buffer, start, writer.at, channel)
}

/** A copy of whole frames, on another channel. */
export function writeFrames(frames: Buffer, channel: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(frames.length)
  frames.copy(copy)
  setChannel(copy, 0, copy.length, channel)
  return copy
}

function setChannel(buffer: Buffer, start: number, end: number, channel: number): void {
  for (let at = start; at < end; at += buffer.readUInt32BE(at + 3) + frameOverhead) {
    buffer[at + 1] = channel >>> 8
    buffer[at + 2] = channel & 0xff
  }
}

/** Where to cut `frames` so that whole frames of about `most` octets, and at least one, lie from `start` on. */
export function sliceEnd(frames: Buffer, start: number, most: number): number {
  let end = start
  do end += frames.readUInt32BE(end + 3) + frameOverhead
  while (end < frames.length && end + frames.readUInt32BE(end + 3) + frameOverhead - start <= most)
  return end
}

/** A body above this is gathered in a buffer of its own as it comes, so that its last frame costs no great copy. */
const gatherAbove = 1024 * 1024
/** What a sender only announces isn't believed: the buffer grows to the whole size once this much has come. */
const believeAfter = 16 * 1024 * 1024

/** Gathers one message of one channel. The pieces of a chunk that lie side by side stay one slice of it. */
export class ContentAssembler {
  bodySize = 0
  #got = 0
  #largest = 0
  #parts: Buffer[] = []
  #buffer: Buffer | undefined
  #start = 0
  #end = 0
  #large: Buffer | undefined
  #largeAt = 0

  /** `start` and `end` are those of the payload, as the scanner gives them. The message, if it has no body. */
  header(buffer: Buffer, start: number, end: number): Content | undefined {
    if (end - start < 14) throw syntaxError('a content header is too short')
    const classId = buffer.readUInt16BE(start)
    if (classId !== basicClass)
      throw connectionError(
        505,
        `expected content header for class ${basicClass}, got one for class ${classId} instead`,
      )
    this.clear()
    this.bodySize = buffer.readUInt32BE(start + 4) * 2 ** 32 + buffer.readUInt32BE(start + 8)
    return this.#add(buffer, start, end)
  }

  body(buffer: Buffer, start: number, end: number): Content | undefined {
    this.#got += end - start
    if (this.#got > this.bodySize) throw syntaxError('a message is longer than its header says')
    return this.#add(buffer, start, end)
  }

  /** Lets go of what has come of a message that nobody wants any more. */
  clear(): void {
    this.bodySize = 0
    this.#got = 0
    this.#largest = 0
    this.#parts = []
    this.#buffer = undefined
    this.#large = undefined
    this.#largeAt = 0
  }

  #add(buffer: Buffer, start: number, end: number): Content | undefined {
    const from = start - 7
    const to = end + 1
    this.#largest = Math.max(this.#largest, to - from)
    if (this.bodySize > gatherAbove) {
      this.#gather(buffer, from, to)
      return this.#got < this.bodySize ? undefined : this.#whole(this.#large!.subarray(0, this.#largeAt))
    }
    if (this.#buffer === buffer && this.#end === from) this.#end = to
    else {
      if (this.#buffer) this.#parts.push(this.#buffer.subarray(this.#start, this.#end))
      this.#buffer = buffer
      this.#start = from
      this.#end = to
    }
    if (this.#got < this.bodySize) return undefined
    const last = buffer.subarray(this.#start, this.#end)
    return this.#whole(this.#parts.length === 0 ? last : Buffer.concat([...this.#parts, last]))
  }

  #whole(frames: Buffer): Content {
    const content = { frames, bodySize: this.bodySize, largestFrame: this.#largest }
    this.#buffer = undefined
    this.#parts = []
    this.#large = undefined
    return content
  }

  #gather(buffer: Buffer, from: number, to: number): void {
    const need = this.#largeAt + to - from
    const room = this.#large?.length ?? 0
    if (need > room) {
      // Frames as large as the largest so far, each with its overhead.
      const count = Math.ceil(this.bodySize / Math.max(1, this.#largest - frameOverhead))
      const all = this.bodySize + (count + 2) * frameOverhead + need - this.#got
      const size = Math.max(need, this.#got < believeAfter ? Math.min(all, 2 * room) : all, gatherAbove)
      const grown = Buffer.allocUnsafeSlow(size)
      this.#large?.copy(grown, 0, 0, this.#largeAt)
      this.#large = grown
    }
    buffer.copy(this.#large!, this.#largeAt, from, to)
    this.#largeAt = need
  }
}

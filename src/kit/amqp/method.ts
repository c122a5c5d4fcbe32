// Reads and writes the methods of methods.ts.
import { Cursor } from './cursor.ts'
import { connectionError, syntaxError } from './error.ts'
import { type FieldType, type Method, type MethodInput, type MethodName, methods } from './methods.ts'
import { readTable, type Table, writeTable } from './table.ts'
import type { Writer } from './writer.ts'

type Layout = {
  name: MethodName
  classId: number
  methodId: number
  fields: (readonly [string, FieldType])[]
}

const byName = new Map<MethodName, Layout>()
const byNumber = new Map<number, Layout>()
for (const name of Object.keys(methods) as MethodName[]) {
  const { id, fields } = methods[name]
  const layout = { name, classId: id[0], methodId: id[1], fields: Object.entries<FieldType>(fields) }
  byName.set(name, layout)
  byNumber.set(methodNumber(id[0], id[1]), layout)
}

/** Class and method in one number, as the first four octets of a method frame are. */
function methodNumber(classId: number, methodId: number): number {
  return classId * 65536 + methodId
}

export function numberOf(name: MethodName): { classId: number; methodId: number } {
  const { classId, methodId } = byName.get(name)!
  return { classId, methodId }
}

/** Throws a connection error on unknown methods (503 as RabbitMQ says it) and on malformed fields (502). */
export function readMethod(buffer: Buffer, start: number, end: number): Method {
  const cursor = new Cursor(buffer, start, end)
  const classId = cursor.short()
  const methodId = cursor.short()
  const layout = byNumber.get(methodNumber(classId, methodId))
  if (!layout) throw connectionError(503, `unknown method ${classId}.${methodId}`)
  const fields: Record<string, unknown> = {}
  let bits = 0
  let bit = 8
  for (const [name, type] of layout.fields) {
    if (type === 'bit') {
      if (bit === 8) {
        bits = cursor.octet()
        bit = 0
      }
      fields[name] = ((bits >> bit++) & 1) === 1
    } else {
      bit = 8
      fields[name] =
        type === 'table' ? readTable(cursor) : type === 'shortstr' ? cursor.name() : cursor[type]()
    }
  }
  if (cursor.at !== end) throw syntaxError(`${layout.name} has more octets than fields`)
  return { name: layout.name, fields } as Method
}

/** The payload of a method frame. */
export function writeMethod<N extends MethodName>(writer: Writer, name: N, input: MethodInput<N>): void {
  const layout = byName.get(name)!
  writer.short(layout.classId)
  writer.short(layout.methodId)
  const values = input as Record<string, unknown>
  let bit = 8
  for (const [field, type] of layout.fields) {
    const value = values[field]
    if (type === 'bit') {
      if (bit === 8) {
        writer.octet(0)
        bit = 0
      }
      if (value) writer.buffer[writer.at - 1]! |= 1 << bit
      bit++
      continue
    }
    bit = 8
    if (type === 'table') writeTable(writer, (value ?? {}) as Table)
    else if (type === 'shortstr') writer.shortstr((value ?? '') as string)
    else if (type === 'longstr') writer.longstr((value ?? '') as string | Buffer)
    else writer[type]((value ?? 0) as number)
  }
}

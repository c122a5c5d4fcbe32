// What a client says that it understands, beside the properties it shows of itself.
import type { Table } from '#kit/amqp/table.ts'

export function isCapable({ capabilities }: Table, name: string): boolean {
  return isTable(capabilities) && capabilities[name] === true
}

function isTable(value: Table[string]): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value)
}

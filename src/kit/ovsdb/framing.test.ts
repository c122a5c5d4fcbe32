import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jsonSplitter } from './framing.ts'

const messages = [
  { id: 1, method: 'echo', params: ['}{', '\\"', 'é☃'] },
  { result: [{ rows: [{ name: 'a"]' }] }, []], id: null },
  [],
  { nested: { deep: [[[{}]]] }, end: '\\' },
]

test('texts are found whatever the chunks', () => {
  const whole = Buffer.from(messages.map((message) => JSON.stringify(message)).join(''))
  for (let size = 1; size <= whole.length; size++) {
    const seen: unknown[] = []
    const feed = jsonSplitter((message) => seen.push(message))
    for (let at = 0; at < whole.length; at += size) feed(whole.subarray(at, at + size))
    expect(seen).toEqual(messages)
  }
})

test('any JSON objects come out as they went in', () => {
  fc.assert(
    fc.property(fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { maxLength: 4 }), (objects) => {
      const plain = objects.map((one) => JSON.parse(JSON.stringify(one)))
      const seen: unknown[] = []
      jsonSplitter((message) => seen.push(message))(
        Buffer.from(plain.map((one) => JSON.stringify(one)).join(' ')),
      )
      expect(seen).toEqual(plain)
    }),
  )
})

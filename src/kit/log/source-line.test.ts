// Traces of the bundle in the log name the sources' lines; others stay as they are.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { expect, it } from 'vitest'
import { openLog } from './log.ts'

it('tells where in the sources something failed', () => {
  const folder = mkdtempSync(`${tmpdir()}/nimbo-lines-`)
  // Its only line, first column, is the first of the source's second line.
  const map = { version: 3, sources: ['../src/a.ts'], names: [], mappings: 'AACA' }
  writeFileSync(`${folder}/main.mjs.map`, JSON.stringify(map))
  const lines: string[] = []
  const log = openLog({ destination: { write: (line) => void lines.push(line) } })
  const trace = `Error: no\n    at f (file://${folder}/main.mjs:1:1)\n    at g (${folder}/other.js:7:8)`
  log.error({ stack: trace, requestId: 'r' }, 'it failed')
  rmSync(folder, { recursive: true })
  expect(JSON.parse(lines[0]!)).toMatchObject({
    requestId: 'r',
    stack: `Error: no\n    at f (${tmpdir()}/src/a.ts:2:1)\n    at g (${folder}/other.js:7:8)`,
  })
})

// Nothing goes past the World.
import { describe, expect, it } from 'vitest'
import { readSources } from './source.ts'
import { exceptions, findUses, judgeUses } from './world.ts'

describe('the source tree', () => {
  const verdict = judgeUses(findUses(readSources('src')), exceptions)
  it('reaches outside through the World alone', () => expect(verdict.refused).toEqual([]))
  it('needs each of its exceptions', () => expect(verdict.idle).toEqual([]))
})

describe('the check', () => {
  const uses = (path: string, ...lines: string[]) =>
    findUses([{ path, text: lines.join('\n') }]).map((use) => use.uses)

  it.each([
    ['const t = Date.now()', 'Date.now'],
    ['const t = new Date( )', 'new Date()'],
    ["import { connect, isIP } from 'node:net'", 'node:net'],
    ['const t = Date()', 'Date()'],
    ['const r = Math.random()', 'Math.random'],
    ['setTimeout(() => {}, 5)', 'setTimeout'],
    ['globalThis.setInterval(f, 5)', 'setInterval'],
    ['const t = performance.now()', 'performance'],
    ['const t = process.hrtime.bigint()', 'process.hrtime'],
    ["import { randomUUID } from 'node:crypto'", 'randomUUID'],
    ['const b = crypto.randomBytes(5)', 'randomBytes'],
    ['crypto.getRandomValues(b)', 'getRandomValues'],
    ["const r = await fetch('http://x')", 'fetch'],
    ["import fs from 'node:fs/promises'", 'node:fs/promises'],
    ["import { spawn } from 'node:child_process'", 'node:child_process'],
    ["const net = await import('node:net')", 'node:net'],
    ["export { hostname } from 'node:os'", 'node:os'],
  ])('sees %s', (line, name) => {
    expect(uses('src/services/compute/ops/server.ts', line)).toContain(name)
    expect(uses('src/kit/world/real.ts', line)).toEqual([])
    expect(uses('src/drivers/virt/qemu/start.ts', line)).toEqual([])
  })

  it('leaves alone what comes from the World, stands in text, or gives a type or a given time', () => {
    expect(
      uses(
        'src/kit/x.ts',
        '// Date.now() is forbidden here',
        "const text = 'Math.random()'",
        'const shown = new Date(at).toISOString()',
        'const reply = await client.fetch(path)',
        "import type { Socket } from 'node:net'",
        "import { createHash } from 'node:crypto'",
        "import { isIP } from 'node:net'",
      ),
    ).toEqual([])
  })

  it('lets tests make files but not wait', () => {
    expect(uses('src/kit/x.test.ts', "import { rmSync } from 'node:fs'")).toEqual([])
    expect(uses('src/kit/x.test.ts', 'await new Promise((done) => setTimeout(done, 5))')).toEqual([
      'setTimeout',
    ])
    expect(uses('src/drivers/virt/x.test.ts', "import { setTimeout } from 'node:timers/promises'")).toContain(
      'node:timers/promises',
    )
  })

  it('counts an exception for its own file and use, and reports one that is idle', () => {
    const found = [{ path: 'src/a.ts', line: 3, uses: 'node:net' }]
    expect(judgeUses(found, [{ path: 'src/a.ts', uses: 'node:net' }])).toEqual({ refused: [], idle: [] })
    const wrong = judgeUses(found, [{ path: 'src/b.ts', uses: 'node:net' }])
    expect(wrong.refused).toEqual(['src/a.ts:3: node:net goes past the World'])
    expect(wrong.idle).toEqual(['src/b.ts does not use node:net any more'])
  })
})

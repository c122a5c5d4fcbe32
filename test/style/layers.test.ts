// Layers hold, libraries stay at home, nothing imports in a circle.
import { describe, expect, it } from 'vitest'
import { checkLayers, findCycles } from './layers.ts'
import { codeOf, importsOf, readSources } from './source.ts'

const sources = readSources('src')
const file = (path: string, ...lines: string[]) => ({ path, text: lines.join('\n') })

describe('the source tree', () => {
  it('is there', () => expect(sources.length).toBeGreaterThan(20))
  it('keeps to its layers', () => expect(checkLayers(sources)).toEqual([]))
  it('has no import cycle', () => expect(findCycles(sources)).toEqual([]))
})

describe('the check of layers', () => {
  it.each([
    ['src/kit/log/log.ts', '#broker/broker.ts'],
    ['src/broker/broker.ts', '#services/compute/client.ts'],
    ['src/contracts/compute.ts', '#kit/http/client.ts'],
    ['src/drivers/virt/sim/start.ts', '#drivers/virt/qemu/start.ts'],
    ['src/drivers/virt/sim/start.ts', '../load.ts'],
    ['src/drivers/virt/load.ts', '#drivers/wiring/driver.ts'],
    ['src/agents/compute/index.ts', '#services/compute/client.ts'],
    ['src/agents/compute/index.ts', '#agents/network/index.ts'],
    ['src/agents/compute/index.ts', '#drivers/virt/sim/start.ts'],
    ['src/services/compute/service.ts', '#services/network/ops/port.ts'],
    ['src/services/compute/service.ts', '#agents/compute/index.ts'],
    ['src/services/compute/service.ts', '#main/main.ts'],
    ['src/cli/trace.ts', '#kit/db/database.ts'],
    ['src/kit/log/log.ts', 'fastify'],
    ['src/services/compute/store/server.ts', 'kysely'],
    ['src/kit/log/log.ts', 'left-pad'],
    ['src/kit/log/log.ts', 'vitest'],
    ['src/kit/log/log.ts', '#test/style/source.ts'],
  ])('refuses that %s imports %s', (path, to) => {
    expect(checkLayers([file(path, `import { x } from '${to}'`)])).toHaveLength(1)
    expect(checkLayers([file(path, 'const x = 1', `const y = await import('${to}')`)])).toHaveLength(1)
    expect(checkLayers([file(path, `export * from '${to}'`)])).toHaveLength(1)
  })

  it.each([
    ['src/kit/log/log.ts', 'pino'],
    ['src/kit/http/server.ts', 'fastify'],
    ['src/kit/db/open.ts', 'node:sqlite'],
    ['src/contracts/compute.ts', '#kit/bus/contract.ts'],
    ['src/drivers/virt/sim/start.ts', '../driver.ts'],
    ['src/drivers/virt/sim/sim.test.ts', '../conformance.ts'],
    ['src/drivers/virt/load.ts', './sim/start.ts'],
    ['src/agents/compute/index.ts', '#drivers/virt/load.ts'],
    ['src/services/compute/service.ts', '#services/network/client.ts'],
    ['src/services/compute/service.ts', './ops/server.ts'],
    ['src/services/compute/ops/server.test.ts', '#test/cloud/cloud.ts'],
    ['src/kit/log/log.test.ts', 'vitest'],
    ['src/main/main.ts', '#drivers/virt/qemu/probe.ts'],
  ])('lets %s import %s', (path, to) => {
    expect(checkLayers([file(path, `import { x } from '${to}'`)])).toEqual([])
  })

  it('refuses a file that no row covers', () => {
    expect(checkLayers([file('src/other/x.ts'), file('src/agents/x.ts')])).toHaveLength(2)
  })
})

describe('the check of cycles', () => {
  it('finds one of any length, and leaves types alone', () => {
    const a = file('src/kit/a.ts', "import { b } from './b.ts'")
    const b = file('src/kit/b.ts', 'import {', '  c,', "} from '#kit/c.ts'")
    expect(findCycles([a, b, file('src/kit/c.ts', "export { a } from './a.ts'")])).toEqual([
      'src/kit/a.ts -> src/kit/b.ts -> src/kit/c.ts -> src/kit/a.ts',
    ])
    expect(findCycles([a, b, file('src/kit/c.ts', "import type { A } from './a.ts'")])).toEqual([])
    expect(findCycles([file('src/kit/d.ts', "import { d } from './d.ts'")])).toHaveLength(1)
  })
})

describe('reading imports', () => {
  it('finds every form and nothing in comments or text', () => {
    const source = file(
      'src/kit/x.ts',
      "// import { no } from './no1.ts'",
      "import a, { type B } from './a.ts'",
      "import type { C } from './c.ts'",
      "import type D from './d.ts'",
      "import './e.ts'",
      'import {',
      '  f, // from g',
      '} from "./f.ts"',
      "export type { G } from './g.ts'",
      "export * as h from './h.ts'",
      "const i = await import('./i.ts')",
      `export const text = \`import x from './no2.ts' \${'\`'} \${import('./j.ts')} import('./no3.ts')\``,
      "/* import './no4.ts' */ const pattern = /import('x')['\"`]/",
      "export const from = 'a', other = { from: 'b' }",
    )
    expect(importsOf(source).map(({ to, line, typeOnly }) => [to, line, typeOnly])).toEqual([
      ['./a.ts', 2, false],
      ['./c.ts', 3, true],
      ['./d.ts', 4, true],
      ['./e.ts', 5, false],
      ['./f.ts', 6, false],
      ['./g.ts', 9, true],
      ['./h.ts', 10, false],
      ['./i.ts', 11, false],
      ['./j.ts', 12, false],
    ])
  })

  it('keeps the lines of the code', () => {
    const text = `a /* b\nc */ d // e\n\`f\n\${g}\` / h / "i"`
    expect(
      codeOf(text)
        .split('\n')
        .map((line) => line.trim()),
    ).toEqual(['a', 'd', '`', `\${g}\` / h / " "`])
  })
})

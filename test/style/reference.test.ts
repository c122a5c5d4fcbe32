// docs/reference says what the services declare, no more and no less.
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { referencePages } from '#main/reference/reference.ts'

const folder = `${import.meta.dirname}/../../docs/reference`

describe('docs/reference', () => {
  it("is as 'npm run docs' would write it", async () => {
    const pages = await referencePages()
    const there = new Set(readdirSync(folder))
    const stale = [...pages].filter(([name, text]) => !there.has(name) || read(name) !== text)
    const left = [...there].filter((name) => !pages.has(name))
    expect([...stale.map(([name]) => name), ...left], "run 'npm run docs' and see what it changes").toEqual(
      [],
    )
    // The first to ask loads every service.
  }, 60_000)
})

function read(name: string): string {
  return readFileSync(`${folder}/${name}`, 'utf8')
}

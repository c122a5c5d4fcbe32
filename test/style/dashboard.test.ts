import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readSources } from './source.ts'

/** 'word' to its text, from a dictionary of one line a word or two. */
function dictionary(language: string): Map<string, string> {
  const text = readFileSync(`${import.meta.dirname}/../../src/dashboard/mq/words/${language}.ts`, 'utf8')
  const entries = text.matchAll(/^ {2}(\w+):\s+(['"])(.*)\2,$/gm)
  return new Map([...entries].map(([, word, , said]) => [word!, said!]))
}

describe("the management page's words", () => {
  const en = dictionary('en')
  const zh = dictionary('zh')
  const used = readSources('src')
    .filter(({ path }) => path.startsWith('src/dashboard/') && !path.includes('/words/'))
    .map((source) => source.text)
    .join('\n')

  it('are there in both languages, with the same values in them', () => {
    expect(en.size).toBeGreaterThan(200)
    expect([...zh.keys()]).toEqual([...en.keys()])
    const values = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort()
    const differ = [...en].filter(([word, text]) => `${values(text)}` !== `${values(zh.get(word)!)}`)
    expect(differ).toEqual([])
  })

  it('are all said somewhere', () => {
    // Those of types are put together.
    const silent = [...en.keys()].filter((word) => !word.startsWith('type_') && !used.includes(`'${word}'`))
    expect(silent).toEqual([])
  })
})

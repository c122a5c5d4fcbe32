// The page's words in the chosen language: the browser's own at first, afterwards what was chosen last.
import { en } from '../words/en.ts'
import { zh } from '../words/zh.ts'

export type Language = 'en' | 'zh'
export type Word = keyof typeof en

const kept = 'nimbo-language'
const words: Record<Language, Record<Word, string>> = { en, zh }

let chosen: Language = first()

function first(): Language {
  const last = localStorage.getItem(kept)
  if (last === 'en' || last === 'zh') return last
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en'
}

export function language(): Language {
  return chosen
}

export function choose(next: Language): void {
  chosen = next
  localStorage.setItem(kept, next)
}

/** {name} in the words is replaced by the value of that name. */
export function t(word: Word, values: Record<string, string | number> = {}): string {
  return words[chosen][word].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''))
}

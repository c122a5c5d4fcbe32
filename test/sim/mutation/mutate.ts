// The change of a source text that plants a bug; a text in which its place is not there exactly once is refused.
import type { Mutation } from './mutations.ts'

export function mutate({ file, find, replace }: Pick<Mutation, 'file' | 'find' | 'replace'>, source: string) {
  const places = source.split(find).length - 1
  if (places !== 1)
    throw new Error(`The mutation is stale: its place is ${places} times in ${file}. Give it another one.`)
  // A function: a replacement's own text may hold what a pattern gives a meaning.
  return source.replace(find, () => replace)
}

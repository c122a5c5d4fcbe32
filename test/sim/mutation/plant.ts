// Preloaded into a run (`node --import`): changes one source text on its way into the program, and nothing on disk. The
// query of its own URL names the mutation.
import { registerHooks } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { mutate } from './mutate.ts'
import { mutations } from './mutations.ts'

const name = new URL(import.meta.url).searchParams.get('mutation') ?? ''
const mutation = mutations[name]
if (!mutation) throw new Error(`There is no mutation '${name}'`)
const target = pathToFileURL(resolve(import.meta.dirname, '../../../src', mutation.file)).href

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    if (url !== target) return loaded
    return { ...loaded, source: mutate(mutation, String(loaded.source)) }
  },
})

// `npm run docs`: writes docs/reference anew, and removes pages of services that are gone.
import { realWorld } from '#kit/world/real.ts'
import { referencePages } from './reference.ts'

const { files } = realWorld()
const folder = `${import.meta.dirname}/../../../docs/reference`
const pages = await referencePages()
await files.makeFolder(folder, { mode: 0o755 })
for (const name of await files.list(folder)) if (!pages.has(name)) await files.remove(`${folder}/${name}`)
for (const [name, text] of pages) await files.write(`${folder}/${name}`, text, { mode: 0o644 })
process.stdout.write(`docs/reference: ${pages.size} pages\n`)

// `nimbo logs`: the logs of the cloud's processes, followed with -f.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import { readCloud } from '../data-folder.ts'
import { type Role, roleLog, rolesOf } from '../role.ts'
import { usageError, type Verb } from '../verb.ts'

const tailBytes = 64 * 1024

export const logs: Verb = {
  summary: "Shows the logs of the cloud's processes",
  words: '[controller|agent|cloud]',
  options: { follow: { type: 'boolean', short: 'f', help: 'Go on with what is written from now on' } },
  async run({ world, terminal, root, options, words }) {
    const cloud = await readCloud(world, root)
    const { folder } = cloud
    const there = rolesOf(cloud)
    const wanted = words.length === 0 ? there : words
    const unknown = wanted.find((word) => !there.includes(word as Role))
    if (unknown) throw usageError(`There is no log of '${unknown}' here: say ${there.join(' or ')}.`)
    const files = (wanted as Role[]).map((role) => ({
      role,
      path: roleLog(folder, role),
      position: -1,
      rest: '',
    }))
    if (!(await Promise.all(files.map((file) => world.files.exists(file.path)))).some(Boolean)) {
      throw new CloudError('notFound', `There are no logs in ${folder.log} yet.`)
    }
    const prefix = (role: Role) => (files.length > 1 ? `${role}: ` : '')
    do {
      for (const file of files) {
        for (const line of await newLines(world, file)) terminal.print(prefix(file.role) + line)
      }
      if (options.follow) await world.timers.sleep(250)
    } while (options.follow)
    return 0
  },
}

/** From the last 64 KiB at first; a file that became shorter was begun anew. */
async function newLines(
  world: World,
  file: { path: string; position: number; rest: string },
): Promise<string[]> {
  const size = (await world.files.info(file.path))?.size
  if (size === undefined) return []
  const first = file.position < 0
  if (first) file.position = Math.max(0, size - tailBytes)
  else if (size < file.position) file.position = 0
  if (size === file.position) return []
  const chunks: Buffer[] = []
  for await (const chunk of world.files.readStream(file.path, { start: file.position, end: size - 1 }))
    chunks.push(chunk as Buffer)
  const cut = first && file.position > 0
  file.position = size
  const lines = (file.rest + Buffer.concat(chunks).toString('utf8')).split('\n')
  file.rest = lines.pop() ?? ''
  // The first line of a tail began before it.
  return cut ? lines.slice(1) : lines
}

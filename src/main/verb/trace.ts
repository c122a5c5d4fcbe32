// `nimbo trace server NAME`: how a server was booted, step by step.
import { openSession } from '#cli/openstack.ts'
import { findServer, formatTrace, readTrace } from '#cli/trace.ts'
import { cloudHttp, publicOrigin } from '../api.ts'
import { loginOf } from '../credential.ts'
import { readCloud } from '../data-folder.ts'
import { usageError, type Verb } from '../verb.ts'

export const trace: Verb = {
  summary: "Tells the steps of a server's boot",
  words: 'server NAME',
  options: { json: { type: 'boolean', help: 'For programs' } },
  async run({ world, terminal, root, options, words }) {
    const [kind, name] = words
    if (kind !== 'server' || !name || words.length > 2) throw usageError("Say 'nimbo trace server NAME'.")
    const cloud = await readCloud(world, root)
    const http = await cloudHttp(world, cloud)
    try {
      const admin = await openSession(http, loginOf(cloud, 'admin'))
      const server = await findServer(admin, name)
      const journalUrl = publicOrigin(cloud, 'journal')
      // The journal knows the server by its id alone; name and status are compute's.
      const found = { ...(await readTrace(admin, journalUrl, server.id)), server }
      if (options.json) terminal.print(JSON.stringify(found, null, 2))
      else for (const line of formatTrace(found, terminal)) terminal.print(line)
      const failed = found.phases.some((phase) =>
        phase.steps.some((step) => step.missing || step.outcome === 'error'),
      )
      return failed ? 1 : 0
    } finally {
      http.close()
    }
  },
}

// What there is to say of a cloud's certificates, and of who can listen in.
import { endOf } from '#kit/certificate/authority.ts'
import type { World } from '#kit/world/world.ts'
import { isLoopback, usesTls } from './api.ts'
import type { Cloud } from './data-folder.ts'
import type { Finding } from './doctor.ts'
import { memberFiles } from './member.ts'

const dayMs = 86_400_000
/** Every host and client has to be given the next authority: that takes a while. */
const authorityLastsMs = 365 * dayMs

export async function tlsFindings(world: World, cloud: Cloud): Promise<Finding[]> {
  const { settings, folder, member } = cloud
  if (!member && !usesTls(settings)) {
    if (isLoopback(settings.listen)) return []
    return [
      {
        check: 'tls',
        state: 'warning',
        text: `The APIs listen on ${settings.listen} without TLS: passwords and tokens can be read on their way.`,
        remedy: `Remove cloud.tls from ${folder.config}, unless a load balancer before them speaks TLS.`,
      },
    ]
  }
  const authority = await judge(world, folder.authority, "The authority's certificate", authorityLastsMs)
  if (authority && authority.state !== 'ok')
    authority.remedy = member
      ? `It is replaced on the controller, ${member.controller}; this host joins again then, and keeps its guests.`
      : `Plan to replace it: 'nimbo down', remove ${folder.tls}, 'nimbo up', and let every host join again by tokens made for it (--host); guests stay.`
  const own = member
    ? await judge(world, memberFiles(folder.root).certificate, "This host's certificate", dayMs)
    : await judge(world, `${folder.tls}/server.pem`, "The APIs' certificate", dayMs)
  if (own && own.state !== 'ok')
    own.remedy = member
      ? `The agent renews it while it reaches ${member.controller}; after its end this host has to join again, and keeps its guests.`
      : "The controller renews it: 'nimbo logs controller' tells why it could not."
  return [authority, own].filter((each) => each !== undefined)
}

async function judge(world: World, path: string, what: string, least: number): Promise<Finding | undefined> {
  if (!(await world.files.exists(path))) return undefined
  const end = endOf(await world.files.readText(path))
  const left = end - world.clock.now()
  const until = new Date(end).toISOString().slice(0, 10)
  if (left > least) return { check: 'tls', state: 'ok', text: `${what} holds until ${until}` }
  if (left > 0) return { check: 'tls', state: 'warning', text: `${what} holds until ${until} only.` }
  return { check: 'tls', state: 'problem', text: `${what} ended on ${until}.` }
}

// The certificate that this cloud's APIs and its bus show: made by the cloud's own authority at first start, and again
// before it ends or when the cloud gets another name.
import { type Authority, endOf, isNamedIn, openAuthority } from '#kit/certificate/authority.ts'
import { makeKey, makeRequest } from '#kit/certificate/openssl.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { ServerTls } from '#kit/http/server.ts'
import type { Log } from '#kit/log/log.ts'
import { type RunningLoop, startLoop } from '#kit/loop/loop.ts'
import type { World } from '#kit/world/world.ts'
import { type Cloud, cloudId } from './data-folder.ts'
import { addressesOf } from './public-cidr.ts'

const dayMs = 86_400_000
const validMs = 90 * dayMs
/** Renewed when a third of its time is left. */
const renewBeforeMs = 30 * dayMs
const lookEveryMs = dayMs / 2

/** The authority of this cloud, made at its first use. */
export async function cloudAuthority(world: World, cloud: Cloud): Promise<Authority> {
  const id = await cloudId(world, cloud.folder)
  await world.files.makeFolder(cloud.folder.tls, { mode: 0o711 })
  return openAuthority(world, cloud.folder.tls, `Nimbo cloud ${id.slice(0, 8)}`)
}

/** The certificate in force, a new one where there is none that will do. */
export async function serverCertificate(world: World, cloud: Cloud): Promise<ServerTls> {
  const files = { cert: `${cloud.folder.tls}/server.pem`, key: `${cloud.folder.tls}/server.key` }
  const wanted = namesOf(world, cloud)
  if ((await world.files.exists(files.cert)) && (await world.files.exists(files.key))) {
    const cert = await world.files.readText(files.cert)
    const lasts = endOf(cert) - world.clock.now() > renewBeforeMs
    if (lasts && wanted.every((name) => isNamedIn(cert, name)))
      return { cert, key: await world.files.readText(files.key) }
  }
  const authority = await cloudAuthority(world, cloud)
  const fresh = `${files.key}.new`
  await makeKey(world, fresh)
  const names = [...new Set([...wanted, ...(await addresses(world))])]
  const request = await makeRequest(world, fresh, 'Nimbo')
  const cert = await authority.issue({ request, commonName: 'Nimbo', usage: 'server', names, validMs })
  // The key first: a certificate without its key is made again, a key without its certificate too.
  await world.files.rename(fresh, files.key)
  await world.files.writeAtomic(files.cert, cert, { mode: 0o644 })
  return { cert, key: await world.files.readText(files.key) }
}

/** Looks twice a day; `renewed` is told of each new certificate. */
export function keepServerCertificate(
  world: World,
  log: Log,
  cloud: Cloud,
  inForce: ServerTls,
  renewed: (tls: ServerTls) => void,
): RunningLoop {
  let shown = inForce
  return startLoop(world, log, {
    name: 'server-certificate',
    everyMs: lookEveryMs,
    async run() {
      const next = await serverCertificate(world, cloud)
      if (String(next.cert) === String(shown.cert)) return
      shown = next
      renewed(next)
      log.info(
        { until: new Date(endOf(String(next.cert))).toISOString() },
        'the certificate of the APIs was renewed',
      )
    },
  })
}

/** How the cloud may be called by those who hold it to a name. */
export function namesOf(world: World, { settings }: Cloud): string[] {
  const { listen, publicHost, tlsNames } = settings
  const everywhere = listen === '0.0.0.0' || listen === '::'
  const names = ['localhost', '127.0.0.1', world.host.name, publicHost, ...(everywhere ? [] : [listen])]
  return [...new Set([...names, ...tlsNames])]
}

/** Of all this machine's cards, where it has the program that knows them. */
async function addresses(world: World): Promise<string[]> {
  try {
    const { stdout } = await world.processes.run('ip', ['-j', 'address', 'show', 'scope', 'global'])
    return addressesOf(stdout)
  } catch (error) {
    if (error instanceof CloudError && error.type === 'MissingProgram') return []
    throw error
  }
}

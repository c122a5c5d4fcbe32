// The first cloud: foundation and demo, prepared over the public APIs. What is done is noted in the data folder,
// so that what people remove later isn't made again.
import { ensureDemo, waitForLogin } from '#cli/demo.ts'
import type { ImageSource } from '#cli/demo-image.ts'
import type { PublicNetwork } from '#cli/demo-network.ts'
import { layFoundation } from '#cli/foundation.ts'
import { ed25519KeyPair } from '#cli/key-pair.ts'
import { openSession, type Session } from '#cli/openstack.ts'
import { paint, type Terminal } from '#cli/terminal.ts'
import { formatStep } from '#cli/trace.ts'
import type { HttpClient } from '#kit/http/client.ts'
import { addressPlus, formatAddress } from '#kit/net/address.ts'
import { broadcastAddress, canonicalCidr, cidr, networkAddress } from '#kit/net/cidr.ts'
import type { World } from '#kit/world/world.ts'
import { publicOrigin } from './api.ts'
import { loginOf } from './credential.ts'
import type { Cloud } from './data-folder.ts'
import { readDistribution } from './package.ts'
import { publicPhysicalNetwork } from './settings.ts'
import { buildTinyImage, minRamMegabytes } from './tiny-image/build.ts'
import { tinyImageCache } from './tiny-image/cache.ts'

export type Progress = { foundation?: boolean; demo?: DemoFacts }
export type DemoFacts = { serverId: string; floatingIp: string; fixedIp: string }

export async function readProgress(world: World, cloud: Cloud): Promise<Progress> {
  const path = progressFile(cloud)
  return (await world.files.exists(path)) ? (JSON.parse(await world.files.readText(path)) as Progress) : {}
}

async function note(world: World, cloud: Cloud, more: Progress): Promise<void> {
  const progress = { ...(await readProgress(world, cloud)), ...more }
  await world.files.writeAtomic(progressFile(cloud), `${JSON.stringify(progress, null, 2)}\n`)
}

function progressFile(cloud: Cloud): string {
  return `${cloud.folder.root}/first-cloud.json`
}

export async function prepareFoundation(world: World, admin: Session, cloud: Cloud): Promise<void> {
  await layFoundation(admin, cloud.secrets.demo)
  await note(world, cloud, { foundation: true })
}

export async function prepareDemo(
  world: World,
  http: HttpClient,
  admin: Session,
  cloud: Cloud,
  terminal: Terminal,
): Promise<DemoFacts> {
  const demo = await openSession(http, loginOf(cloud, 'demo'))
  const { serverId, floatingIp, fixedIp } = await ensureDemo(world, admin, demo, {
    journalUrl: publicOrigin(cloud, 'journal'),
    image: { name: 'tiny', prepare: () => imageSource(world, cloud, terminal) },
    publicNetwork: publicNetwork(cloud),
    publicKey: await ensureDemoKey(world, cloud),
    bootTimeoutMs: 300_000,
    onStage: (what) => terminal.say(paint(terminal, 'bold', what)),
    onStep: (step) => terminal.say(formatStep(step, terminal)),
  })
  terminal.say(paint(terminal, 'bold', 'console of hello'))
  const { output, ready } = await waitForLogin(world, demo, serverId, 180_000)
  for (const line of output.trimEnd().split('\n').slice(-12))
    terminal.say(paint(terminal, 'dim', `  ${line.trimEnd()}`))
  if (!ready)
    terminal.say(
      paint(
        terminal,
        'yellow',
        "  no login prompt after 180 s; 'openstack console log show hello' tells more",
      ),
    )
  const facts = { serverId, floatingIp, fixedIp }
  await note(world, cloud, { demo: facts })
  return facts
}

/** Made once: a second run must find the key that the guest already has. Returns the public half. */
async function ensureDemoKey(world: World, cloud: Cloud): Promise<string> {
  const path = cloud.folder.demoKey
  if (await world.files.exists(`${path}.pub`)) return world.files.readText(`${path}.pub`)
  const pair = ed25519KeyPair(world.random.bytes(32), world.random.bytes(4), 'demo@nimbo')
  await world.files.writeAtomic(path, pair.privateKey, { mode: 0o600 })
  await world.files.writeAtomic(`${path}.pub`, pair.publicKey, { mode: 0o644 })
  return pair.publicKey
}

/** A simulated guest runs no code of its image: one blank mebibyte stands for it. */
async function imageSource(world: World, cloud: Cloud, terminal: Terminal): Promise<ImageSource> {
  const simulated = cloud.settings.dataPlane === 'sim'
  const path = `${cloud.folder.cache}/${simulated ? 'blank.raw' : 'tiny.qcow2'}`
  if (simulated) await world.files.write(path, Buffer.alloc(1024 * 1024))
  else if (!(await world.files.exists(path))) {
    const distribution = (await readDistribution(world)).id
    await buildTinyImage(world, {
      out: path,
      cache: await tinyImageCache(world),
      distribution,
      say: (line) => terminal.say(`  ${line}`),
    })
  }
  return {
    name: 'tiny',
    format: simulated ? 'raw' : 'qcow2',
    minRamMegabytes,
    sizeBytes: (await world.files.info(path))!.size,
    open: () => world.files.readStream(path),
  }
}

/** The host has the first address; floating IPs and routers take the rest. */
export function publicNetwork(cloud: Pick<Cloud, 'settings'>): PublicNetwork {
  const net = cidr(cloud.settings.publicCidr)
  const at = (count: number) => formatAddress(addressPlus(networkAddress(net), count))
  return {
    cidr: canonicalCidr(cloud.settings.publicCidr),
    gateway: at(1),
    first: at(2),
    last: formatAddress(addressPlus(broadcastAddress(net), -1)),
    physicalNetwork: publicPhysicalNetwork,
  }
}

// The first server: everything that `hello` needs, then its boot, watched step by step.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import { ensureImage, type ImageSource } from './demo-image.ts'
import {
  ensureFloatingIp,
  ensurePrivateNetwork,
  ensurePublicNetwork,
  ensureSecurityGroup,
  type PublicNetwork,
} from './demo-network.ts'
import { ensureNamed, findNamed, type Named } from './ensure.ts'
import type { Session } from './openstack.ts'
import { readTrace, type TraceStep } from './trace.ts'

export type DemoPlan = {
  journalUrl: string
  image: { name: string; prepare: () => Promise<ImageSource> }
  publicNetwork: PublicNetwork
  /** The public half, in one line. */
  publicKey: string
  /** A boot that takes longer has failed. */
  bootTimeoutMs: number
  /** Told before each thing is looked up or made. */
  onStage: (what: string) => void
  /** Told once of each recorded step of the boot. */
  onStep: (step: TraceStep) => void
}

export type DemoResult = { serverId: string; floatingIp: string; fixedIp: string; bootedNow: boolean }

type Server = Named & {
  status: string
  fault?: { message: string }
  addresses: Record<string, { addr: string; 'OS-EXT-IPS:type'?: string }[]>
}

export async function ensureDemo(
  world: World,
  admin: Session,
  demo: Session,
  plan: DemoPlan,
): Promise<DemoResult> {
  plan.onStage(`image ${plan.image.name}`)
  const imageId = await ensureImage(admin, plan.image.prepare, plan.image.name)
  plan.onStage('networks public and private, router, security group')
  const publicId = await ensurePublicNetwork(admin, plan.publicNetwork)
  const networkId = await ensurePrivateNetwork(demo, publicId)
  const groupId = await ensureSecurityGroup(demo)
  plan.onStage('key pair demo-key')
  await ensureKeyPair(demo, plan.publicKey)
  plan.onStage('volume hello-data, 1 GiB')
  const volumeId = await ensureVolume(world, demo)
  const known = await findServer(demo)
  const bootedNow = known === undefined
  plan.onStage(bootedNow ? 'server hello' : 'server hello is there')
  const server = known ?? (await createServer(demo, { imageId, networkId, groupId, volumeId }))
  const active = await watchBoot(world, admin, demo, server.id, plan)
  plan.onStage('floating IP')
  const floatingIp = await ensureFloatingIp(demo, publicId, active.id)
  const fixedIp =
    Object.values(active.addresses)[0]?.find((each) => each['OS-EXT-IPS:type'] !== 'floating')?.addr ?? ''
  return { serverId: active.id, floatingIp, fixedIp, bootedNow }
}

async function ensureKeyPair(demo: Session, publicKey: string): Promise<void> {
  if (await demo.find('compute', '/os-keypairs/demo-key')) return
  const body = { keypair: { name: 'demo-key', public_key: publicKey.trim(), type: 'ssh' } }
  await demo.call('compute', { method: 'POST', path: '/os-keypairs', body })
}

async function ensureVolume(world: World, demo: Session): Promise<string> {
  type Volume = Named & { status: string }
  const made = await ensureNamed<Volume>(demo, 'block-storage', '/volumes', 'volume', {
    name: 'hello-data',
    size: 1,
  })
  return poll(world, 30_000, `volume hello-data isn't ready after 30 s`, async () => {
    const { volume } = await demo.call<{ volume: Volume }>('block-storage', { path: `/volumes/${made.id}` })
    if (volume.status.startsWith('error'))
      throw new CloudError('internal', `Volume hello-data is in status ${volume.status}.`)
    return volume.status === 'available' || volume.status === 'in-use' ? volume.id : undefined
  })
}

async function findServer(demo: Session): Promise<Named | undefined> {
  return findNamed(demo, 'compute', '/servers', 'hello')
}

type Parts = { imageId: string; networkId: string; groupId: string; volumeId: string }

async function createServer(demo: Session, parts: Parts): Promise<Named> {
  // Flavors can't be asked for by name.
  const { flavors } = await demo.call<{ flavors: Named[] }>('compute', { path: '/flavors' })
  const flavor = flavors.find((each) => each.name === 'm1.tiny')
  if (!flavor) throw new CloudError('notFound', 'There is no flavor m1.tiny.')
  const body = {
    server: {
      name: 'hello',
      flavorRef: flavor.id,
      imageRef: parts.imageId,
      key_name: 'demo-key',
      networks: [{ uuid: parts.networkId }],
      security_groups: [{ name: 'ssh-and-ping' }],
      block_device_mapping_v2: [
        {
          boot_index: 0,
          source_type: 'image',
          destination_type: 'local',
          uuid: parts.imageId,
          delete_on_termination: true,
        },
        { boot_index: -1, source_type: 'volume', destination_type: 'volume', uuid: parts.volumeId },
      ],
    },
  }
  const { server } = await demo.call<{ server: Named }>('compute', { method: 'POST', path: '/servers', body })
  return { ...server, name: 'hello' }
}

/** A host's part of the journal comes a little after the host's word that the server runs. */
const lastEventsMs = 3_000

/** Until it is ACTIVE. Throws the server's fault when it ends in ERROR. */
async function watchBoot(
  world: World,
  admin: Session,
  demo: Session,
  serverId: string,
  plan: DemoPlan,
): Promise<Server> {
  const told = new Set<number>()
  /** True where all steps are told of. */
  const tell = async () => {
    const trace = await readTrace(admin, plan.journalUrl, serverId)
    const steps = trace.phases.flatMap((phase) => phase.steps)
    for (const step of steps) {
      if (step.number === undefined || step.missing || told.has(step.number)) continue
      told.add(step.number)
      plan.onStep(step)
    }
    return steps.every((step) => !step.missing)
  }
  const late = `Server hello isn't active after ${plan.bootTimeoutMs / 1000} s`
  const active = await poll(world, plan.bootTimeoutMs, late, async () => {
    const { server } = await demo.call<{ server: Server }>('compute', { path: `/servers/${serverId}` })
    if (server.status === 'ERROR') {
      await tell()
      throw new CloudError(
        'internal',
        `Server hello went to ERROR: ${server.fault?.message ?? 'without a reason'}`,
      )
    }
    if (server.status === 'BUILD') await tell()
    return server.status === 'BUILD' ? undefined : server
  })
  const deadline = world.clock.monotonic() + lastEventsMs
  while (!(await tell()) && world.clock.monotonic() < deadline) await world.timers.sleep(50)
  return active
}

/** Asks until there is an answer; the wait between two questions doesn't show, the work does. */
export async function poll<T>(
  world: World,
  timeoutMs: number,
  late: string,
  ask: () => Promise<T | undefined>,
  everyMs = 100,
): Promise<T> {
  const deadline = world.clock.monotonic() + timeoutMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (world.clock.monotonic() > deadline) throw new CloudError('timeout', `${late}.`)
    await world.timers.sleep(everyMs)
  }
}

/** Console output until a login prompt shows, or what there is when time is up. */
export async function waitForLogin(
  world: World,
  demo: Session,
  serverId: string,
  timeoutMs: number,
): Promise<{ output: string; ready: boolean }> {
  const deadline = world.clock.monotonic() + timeoutMs
  for (;;) {
    const { output } = await demo.call<{ output: string }>('compute', {
      method: 'POST',
      path: `/servers/${serverId}/action`,
      body: { 'os-getConsoleOutput': { length: 200 } },
    })
    const ready = /login: *$/m.test(output)
    if (ready || world.clock.monotonic() > deadline) return { output, ready }
    await world.timers.sleep(250)
  }
}

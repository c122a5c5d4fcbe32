// Images: how fast their bytes go in and out beside a plain copy of as many bytes in the same run, how much memory that takes,
// how long other requests wait meanwhile, and lists of 500. Beside each stands what the machine allows: the most that its cores have
// for an upload, and how long an idle server's answers take meanwhile. Rounds of the one and the other take turns. About two minutes.
import { fork } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { type Figure, median } from '../figure.ts'
import { requestRate } from '../load.ts'
import { type BenchCloud, withCloud } from './cloud.ts'
import type { CopierPorts } from './copier.ts'
import { watchOthers } from './disturbance.ts'
import { machineTimeOf, processors } from './machine.ts'
import { receive, send } from './transfer.ts'

const mib = 1024 * 1024
const bytes = 1024 * mib
const rounds = 3
const listed = 500
const atOnce = 10
const imagePath = '/v2/images'
/** The most of two processes of Glance 25.1 on two cores, at 0.24 s of processor time for a list; docs/guide/images.md says more. */
const zedList = 8

export async function measureImages(portBase: string): Promise<Figure[]> {
  return withCloud(portBase, async (cloud) => {
    const hashes = hashFigures()
    const hashSeconds = hashes.map(({ ours }) => ours)
    return [...hashes, ...(await transferFigures(cloud, hashSeconds)), ...(await listFigures(cloud))]
  })
}

type Ends = {
  put(): Promise<number>
  get(): Promise<number>
  /** What was put goes. */
  remove(): Promise<unknown>
  /** Seconds that the server's process has taken so far. */
  processorTime(): Promise<number>
}
/** Seconds of each round, those of the server's processor, and those of the whole machine's. */
type Taken = Record<'put' | 'get', { seconds: number[]; processor: number[]; busy: number[] }>

async function transferFigures(cloud: BenchCloud, hashSeconds: readonly number[]): Promise<Figure[]> {
  const copier = fork(join(import.meta.dirname, 'copier.ts'), [join(cloud.root, 'copy')])
  const ports = (await once(copier, 'message'))[0] as CopierPorts
  const plain: Ends = {
    put: () => send(ports.put, bytes, '', 'done'),
    get: () => receive(ports.get, bytes, ''),
    remove: () => cloud.world.files.remove(join(cloud.root, 'copy')),
    async processorTime() {
      copier.send('')
      return (await once(copier, 'message'))[0] as number
    },
  }
  const flushed: Ends = { ...plain, put: () => send(ports.putFlushed, bytes, '', 'done') }
  const images = imageEnds(cloud)
  const [copied, copiedFlushed, ours] = [nothing(), nothing(), nothing()]
  try {
    for (let round = 0; round < rounds; round++) {
      await take(cloud, plain, copied)
      await take(cloud, flushed, copiedFlushed)
      await take(cloud, images, ours)
    }
  } finally {
    copier.disconnect()
  }
  const rate = (seconds: number[]) => bytes / mib / median(seconds)
  const compared = (name: string, key: 'put' | 'get'): Figure[] => {
    const [own, other] = [rate(ours[key].seconds), rate(copied[key].seconds)]
    const cost = ([what, taken]: [string, Taken]): Figure => ({
      name: `  processor time of 1 GiB${what}`,
      unit: 's',
      better: 'less',
      ours: median(taken[key].processor),
    })
    return [
      { name: `${name} of 1 GiB`, unit: 'MiB/s', better: 'more', ours: own },
      { name: '  plain copy of as much', unit: 'MiB/s', better: 'more', ours: other },
      { name: '  of the plain copy', unit: 'percent', goal: 80, better: 'more', ours: (100 * own) / other },
      cost(['', ours]),
      cost([' copied plainly', copied]),
    ]
  }
  const [own, flushedRate] = [rate(ours.put.seconds), rate(copiedFlushed.put.seconds)]
  const most = bytes / mib / leastSeconds(median(copiedFlushed.put.busy), hashSeconds)
  return [
    ...compared('upload', 'put'),
    { name: '  plain copy of as much, flushed', unit: 'MiB/s', better: 'more', ours: flushedRate },
    { name: '  of the flushed copy', unit: 'percent', better: 'more', ours: (100 * own) / flushedRate },
    { name: '  what the cores allow', unit: 'MiB/s', better: 'more', ours: most },
    { name: '  of what they allow', unit: 'percent', better: 'more', ours: (100 * own) / most },
    ...compared('download', 'get'),
    ...(await disturbance(cloud, images)),
  ]
}

const nothing = (): Taken => ({
  put: { seconds: [], processor: [], busy: [] },
  get: { seconds: [], processor: [], busy: [] },
})

async function take({ world }: BenchCloud, ends: Ends, into: Taken): Promise<void> {
  for (const key of ['put', 'get'] as const) {
    const before = await ends.processorTime()
    const { busy, result } = await machineTimeOf(world, ends[key])
    into[key].seconds.push(result)
    into[key].processor.push((await ends.processorTime()) - before)
    into[key].busy.push(busy)
  }
  await ends.remove()
}

/**
 * An upload that cost no more than a flushed plain copy, by client, server and kernel, and its hashes: no sooner could it
 * be over with every core at work all the time, nor sooner than its slowest hash, which is one core's work.
 */
function leastSeconds(copyBusy: number, hashSeconds: readonly number[]): number {
  const all = hashSeconds.reduce((sum, each) => sum + each, copyBusy)
  return Math.max(all / processors, ...hashSeconds)
}

/** An image that is made, filled, read and deleted; its bytes go over plain sockets. */
function imageEnds({ admin, processorTime }: BenchCloud): Ends {
  const port = Number(new URL(admin.endpoint('image')).port)
  const common = `host: 127.0.0.1:${port}\r\nx-auth-token: ${admin.token}\r\n`
  let path = ''
  return {
    async put() {
      const body = { name: 'bench', disk_format: 'raw', container_format: 'bare' }
      const { id } = await admin.call<{ id: string }>('image', { method: 'POST', path: imagePath, body })
      path = `${imagePath}/${id}`
      const head = `PUT ${path}/file HTTP/1.1\r\n${common}content-type: application/octet-stream\r\ncontent-length: ${bytes}\r\n\r\n`
      return send(port, bytes, head, 'HTTP/1.1 204')
    },
    get: () => receive(port, bytes, `GET ${path}/file HTTP/1.1\r\n${common}\r\n`),
    remove: () => admin.call('image', { method: 'DELETE', path }),
    processorTime,
  }
}

/** What transfers cost others: memory, and the time of two requests that clients send most. */
async function disturbance(cloud: BenchCloud, images: Ends): Promise<Figure[]> {
  const { admin } = cloud
  const own = { 'x-auth-token': admin.token }
  const watch = await watchOthers(cloud, {
    'token validation': {
      url: `${admin.endpoint('identity')}/auth/tokens`,
      headers: { ...own, 'x-subject-token': admin.token },
      everyMs: 10,
    },
    'image list': { url: `${admin.endpoint('image')}${imagePath}`, headers: own, everyMs: 20 },
  })
  try {
    return [
      ...(await watch.during(
        'at rest',
        undefined,
        () => new Promise((resolve) => setTimeout(resolve, 3000)),
      )),
      ...(await watch.during('during uploads', 20, async () => {
        for (let round = 0; round < rounds; round++) {
          await images.put()
          if (round < rounds - 1) await images.remove()
        }
      })),
      ...(await watch.during('during downloads', 20, async () => {
        for (let round = 0; round < rounds; round++) await images.get()
        await images.remove()
      })),
    ]
  } finally {
    watch.close()
  }
}

/** Glance's contract wants both of each image: what they take of one core, with nothing else to do. */
function hashFigures(): Figure[] {
  const block = randomBytes(mib)
  return ['md5', 'sha512'].map((algorithm) => {
    const hash = createHash(algorithm)
    const before = process.cpuUsage()
    for (let done = 0; done < 256; done++) hash.update(block)
    hash.digest()
    const { user, system } = process.cpuUsage(before)
    const ours = (((user + system) / 1e6) * bytes) / mib / 256
    return { name: `${algorithm} of 1 GiB: processor time`, unit: 's', better: 'less', ours } as const
  })
}

async function listFigures({ world, root, admin, processorTime }: BenchCloud): Promise<Figure[]> {
  let next = 0
  const worker = async () => {
    for (let index = next++; index < listed; index = next++) {
      const properties = { os_distro: 'debian', hw_disk_bus: 'virtio', tags: ['bench'] }
      const image = { name: `bench-${index}`, disk_format: 'raw', container_format: 'bare', ...properties }
      const { id } = await admin.call<{ id: string }>('image', {
        method: 'POST',
        path: imagePath,
        body: image,
      })
      await admin.call('image', { method: 'PUT', path: `${imagePath}/${id}/file`, body: randomBytes(1024) })
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  const before = await processorTime()
  const ours = await requestRate(world, root, `${admin.endpoint('image')}${imagePath}?limit=${listed}`, {
    'x-auth-token': admin.token,
    accept: 'application/json',
  })
  // wrk asks for six seconds, one of them to warm up.
  const cost = ((await processorTime()) - before) / (ours * 6)
  return [
    {
      name: `image list of ${listed}`,
      unit: 'per second',
      zed: zedList,
      goal: 30 * zedList,
      better: 'more',
      ours,
    },
    { name: '  processor time of one', unit: 'ms', better: 'less', ours: cost * 1000 },
  ]
}

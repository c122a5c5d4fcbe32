// Images: how fast their bytes go in and out beside a plain copy of as many bytes in the same run, how much memory that takes,
// how long other requests wait meanwhile, and lists of 500. Rounds of the one and the other take turns. About two minutes.
import { type ChildProcess, fork } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { type Figure, median } from '../figure.ts'
import { requestRate } from '../load.ts'
import { type BenchCloud, withCloud } from './cloud.ts'
import type { CopierPorts } from './copier.ts'
import type { Probe, ProberWord, ProbeTimes } from './prober.ts'
import { receive, send } from './transfer.ts'

const mib = 1024 * 1024
const bytes = 1024 * mib
const rounds = 3
const listed = 500
const atOnce = 10
const probeEveryMs = 10
const memoryEveryMs = 100
const imagePath = '/v2/images'
/** The most of two processes of Glance 25.1 on two cores, at 0.24 s of processor time for a list; docs/guide/images.md says more. */
const zedList = 8

export async function measureImages(portBase: string): Promise<Figure[]> {
  return withCloud(portBase, async (cloud) => [
    ...hashFigures(),
    ...(await transferFigures(cloud)),
    ...(await listFigures(cloud)),
  ])
}

type Ends = {
  put(): Promise<number>
  get(): Promise<number>
  /** What was put goes. */
  remove(): Promise<unknown>
  /** Seconds that the server's process has taken so far. */
  processorTime(): Promise<number>
}
/** Seconds of each round, and those of the server's processor. */
type Taken = Record<'put' | 'get', { seconds: number[]; processor: number[] }>

async function transferFigures(cloud: BenchCloud): Promise<Figure[]> {
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
      await take(plain, copied)
      await take(flushed, copiedFlushed)
      await take(images, ours)
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
  return [
    ...compared('upload', 'put'),
    {
      name: '  plain copy of as much, flushed',
      unit: 'MiB/s',
      better: 'more',
      ours: rate(copiedFlushed.put.seconds),
    },
    ...compared('download', 'get'),
    ...(await disturbance(cloud, images)),
  ]
}

const nothing = (): Taken => ({
  put: { seconds: [], processor: [] },
  get: { seconds: [], processor: [] },
})

async function take(ends: Ends, into: Taken): Promise<void> {
  for (const key of ['put', 'get'] as const) {
    const before = await ends.processorTime()
    into[key].seconds.push(await ends[key]())
    into[key].processor.push((await ends.processorTime()) - before)
  }
  await ends.remove()
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
  const probes: Record<string, Probe> = {
    'token validation': {
      url: `${admin.endpoint('identity')}/auth/tokens`,
      headers: { ...own, 'x-subject-token': admin.token },
      everyMs: probeEveryMs,
    },
    'image list': {
      url: `${admin.endpoint('image')}${imagePath}`,
      headers: own,
      everyMs: probeEveryMs * 2,
    },
  }
  const probers = new Map<string, ChildProcess>()
  for (const [name, probe] of Object.entries(probes)) {
    const prober = fork(join(import.meta.dirname, 'prober.ts'), [JSON.stringify(probe)])
    await once(prober, 'message')
    probers.set(name, prober)
  }
  const tell = (word: ProberWord) => {
    for (const prober of probers.values()) prober.send(word)
  }
  const figures: Figure[] = []
  const during = async (what: string, goal: number | undefined, work: () => Promise<unknown>) => {
    let most = await cloud.memory()
    const before = most
    const sampling = setInterval(
      () => void cloud.memory().then((now) => (most = Math.max(most, now))),
      memoryEveryMs,
    )
    const answers = [...probers].map(
      async ([name, prober]) => [name, (await once(prober, 'message'))[0] as ProbeTimes] as const,
    )
    tell('start')
    await work()
    tell('stop')
    clearInterval(sampling)
    for (const [name, times] of await Promise.all(answers)) {
      times.sort((a, b) => a - b)
      const ours = times[Math.floor(times.length * 0.99)]!
      figures.push({ name: `p99 of ${name} ${what}`, unit: 'ms', goal, better: 'less', ours })
    }
    figures.push({
      name: `memory that was added ${what}`,
      unit: 'MiB',
      better: 'less',
      ours: (most - before) / mib,
    })
  }
  try {
    await during('at rest', undefined, () => new Promise((resolve) => setTimeout(resolve, 3000)))
    await during('during uploads', 20, async () => {
      for (let round = 0; round < rounds; round++) {
        await images.put()
        if (round < rounds - 1) await images.remove()
      }
    })
    await during('during downloads', 20, async () => {
      for (let round = 0; round < rounds; round++) await images.get()
    })
    await images.remove()
  } finally {
    for (const prober of probers.values()) prober.disconnect()
  }
  return figures
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

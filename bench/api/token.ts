// Tokens: validated, and got by token, first in an empty cloud, then with 10,000 users and 1,000 revocations. About a minute.
import type { Figure } from '../figure.ts'
import { requestRate } from '../load.ts'
import { type BenchCloud, withCloud } from './cloud.ts'

const users = 10_000
const revocations = 1_000
const atOnce = 20

export async function measureTokens(portBase: string): Promise<Figure[]> {
  return withCloud(portBase, async (cloud) => {
    const empty = await rates(cloud, '')
    await fill(cloud)
    return [...empty, ...(await rates(cloud, `, ${users} users, ${revocations} revocations`))]
  })
}

async function rates({ world, root, admin, processorTime }: BenchCloud, when: string): Promise<Figure[]> {
  const url = `${admin.endpoint('identity')}/auth/tokens`
  const figures: Figure[] = []
  const add = async (name: string, goal: number, zed: number | undefined, ask: () => Promise<number>) => {
    const before = await processorTime()
    const ours = await ask()
    // wrk asks for six seconds, one of them to warm up.
    const cost = ((await processorTime()) - before) / (ours * 6)
    figures.push({ name: `${name}${when}`, unit: 'per second', zed, goal, better: 'more', ours })
    figures.push({ name: '  processor time of one', unit: 'ms', better: 'less', ours: cost * 1000 })
  }
  const own = { 'x-auth-token': admin.token }
  await add('token validation', 3000, when ? undefined : 109, () =>
    requestRate(world, root, url, { ...own, 'x-subject-token': admin.token }),
  )
  const body = JSON.stringify({
    auth: {
      identity: { methods: ['token'], token: { id: admin.token } },
      scope: { project: { id: admin.projectId } },
    },
  })
  await add('token by token', 1500, undefined, () =>
    requestRate(world, root, url, { 'content-type': 'application/json' }, { method: 'POST', body }),
  )
  return figures
}

/** Users without a password, which would be hashed; tokens made and taken back one by one. */
async function fill({ admin, http }: BenchCloud): Promise<void> {
  await inTurns(users, (index) =>
    admin.call('identity', { method: 'POST', path: '/users', body: { user: { name: `bench-${index}` } } }),
  )
  const auth = { identity: { methods: ['token'], token: { id: admin.token } } }
  await inTurns(revocations, async () => {
    const answer = await http.request({
      method: 'POST',
      url: `${admin.endpoint('identity')}/auth/tokens`,
      body: { auth },
    })
    const subject = { 'x-subject-token': answer.headers['x-subject-token']! }
    await admin.call('identity', { method: 'DELETE', path: '/auth/tokens', headers: subject })
  })
}

async function inTurns(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

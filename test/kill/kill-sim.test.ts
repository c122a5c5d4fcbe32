import { existsSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Session } from '#cli/openstack.ts'
import { type LiveCloud, prepareLiveCloud, succeeded, until, world } from '#test/interop/live-cloud.ts'
import { makeNetwork, uploadBlankImage } from '../../bench/project.ts'
import { describePoint, type KillPoint, openRounds, type Role } from './kill-round.ts'
import { heldByServices } from './leftover.ts'

const point = (during: KillPoint['during'], ms: number, ...kill: Role[]): KillPoint => ({
  kill,
  during,
  at: { ms },
})
/** A simulated boot takes some tens of milliseconds: these fall before, into and after it. */
const points = [0, 10, 25, 50].flatMap((ms) => [
  point('boot', ms, 'agent'),
  point('boot', ms, 'controller'),
  point('boot', ms, 'agent', 'controller'),
  point('delete', ms, ms % 20 === 0 ? 'agent' : 'controller'),
])

/** The same control plane and agents as in a real cloud; hosts and guests are simulated, and outlive the agent in files. */
describe('a simulated cloud whose processes are killed', () => {
  let cloud: LiveCloud
  let admin: Session
  let round: ReturnType<typeof openRounds>
  let held: string[]
  beforeAll(async () => {
    cloud = await prepareLiveCloud('kill-sim', 'sim')
    // Two processes, so that each can be killed without the other.
    await world.files.makeFolder(cloud.root)
    const settings = `data_plane: sim, processes: two, hosts: 2, port_base: ${cloud.portBase}`
    await world.files.write(`${cloud.root}/nimbo.yaml`, `cloud: { ${settings} }\n`)
    succeeded(await cloud.up('--empty'))
    admin = await cloud.session('admin')
    const imageRef = await uploadBlankImage(admin)
    const uuid = await makeNetwork(admin, 'private', '10.0.0.0/24')
    round = openRounds(cloud, admin, (name) => ({
      ...{ name, imageRef, flavorRef: '0', networks: [{ uuid }] },
    }))
    await round({ kill: [], during: 'boot', at: { ms: 0 } })
    held = await holdings()
  }, 120_000)
  afterAll(() => cloud?.destroy(), 60_000)

  /** The last word on a guest in its machine's log counts. */
  const guests = () =>
    ['node1', 'node2'].flatMap((host) => {
      const file = `${cloud.root}/hosts/${host}/guests.log`
      // A host that never had a guest has no file.
      if (!existsSync(file)) return []
      const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
      const there = new Set<string>()
      for (const { guest, gone } of lines.map(
        (line) => JSON.parse(line) as { guest?: string; gone?: true },
      )) {
        if (guest === undefined) continue
        if (gone) there.delete(guest)
        else there.add(guest)
      }
      return [...there].map((id) => `guest ${id} on ${host}`)
    })
  const holdings = async () => [...(await heldByServices(admin)), ...guests()]

  test.each(points.map((each) => [describePoint(each), each] as const))(
    'gets over it: %s',
    async (_title, each) => {
      const { ended } = await round(each)
      expect(['ACTIVE', 'ERROR', 'never began']).toContain(ended)
      let now: string[] = []
      await until('nothing is left', async () => {
        now = await holdings()
        return JSON.stringify(now) === JSON.stringify(held)
      }).catch(() => expect(now).toEqual(held))
    },
    240_000,
  )
})

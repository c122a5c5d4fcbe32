// What it takes to save a simulated cloud and to put it back, by its API: wall time as a suite sees it, and the processor's.
// `node bench/sim/snapshot.ts [--hosts 10] [--servers 50] [--rounds 5] [--port-base 29500]`
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openSession, type Session } from '#cli/openstack.ts'
import { deleteSnapshot, restoreSnapshot, saveSnapshot } from '#cli/simulation/snapshot.ts'
import { fullMessage } from '#kit/errors/cloud-error.ts'
import { httpClient } from '#kit/http/client.ts'
import { realWorld } from '#kit/world/real.ts'
import type { World } from '#kit/world/world.ts'
import { loginOf } from '#main/credential.ts'
import { readCloud } from '#main/data-folder.ts'
import { type Figure, formatFigures, median } from '../figure.ts'
import { cpuBetween, openGauge } from './gauge.ts'
import { active, prepare } from './scale.ts'

export type SnapshotPlan = {
  hosts: number
  servers: number
  rounds: number
  portBase: number
  /** Told of what goes on. */
  say: (line: string) => void
}

const launcher = join(import.meta.dirname, '..', '..', 'nimbo')

export async function measureSnapshot(world: World, plan: SnapshotPlan): Promise<Figure[]> {
  const root = mkdtempSync(join(tmpdir(), 'nimbo-snapshot-'))
  const nimbo = async (...args: string[]) => {
    const result = await world.processes.run(launcher, [...args, '--data', root], { timeoutMs: 300_000 })
    if (result.code !== 0) throw new Error(`nimbo ${args.join(' ')}: ${result.stderr}`)
    return result.stdout
  }
  const http = httpClient()
  const figures: Figure[] = []
  const add = (name: string, unit: Figure['unit'], ours: number, goal?: number) => {
    figures.push({ name, unit, goal, better: 'less', ours })
    plan.say(formatFigures(figures.slice(-1))[1]!)
  }
  try {
    await nimbo('up', '--sim', '--empty', '--hosts', `${plan.hosts}`, '--port-base', `${plan.portBase}`)
    const gauge = openGauge(JSON.parse(await nimbo('status', '--json')))
    const admin = await openSession(http, loginOf(await readCloud(world, root), 'admin'))
    await fill(world, admin, plan.servers)
    const size = `${plan.hosts} hosts and ${plan.servers} servers`
    const timed = async (work: () => Promise<unknown>) => {
      const [cpu, started] = [gauge.cpu(), world.clock.monotonic()]
      await work()
      return { ms: world.clock.monotonic() - started, cpuMs: cpuBetween(cpu, gauge.cpu()).busySeconds * 1000 }
    }
    const saves: Awaited<ReturnType<typeof timed>>[] = []
    const restores: typeof saves = []
    for (let round = 0; round < plan.rounds; round++) {
      const name = `round-${round}`
      saves.push(await timed(() => saveSnapshot(admin, name)))
      restores.push(await timed(() => restoreSnapshot(admin, name)))
      const { servers } = await admin.call<{ servers: unknown[] }>('compute', {
        path: '/servers?all_tenants=1&status=ACTIVE',
      })
      if (servers.length !== plan.servers)
        throw new Error(`${servers.length} servers are ACTIVE after a restore`)
      await deleteSnapshot(admin, name)
    }
    for (const [what, taken, goal] of [
      ['save', saves, 500],
      ['restore', restores, 1000],
    ] as const) {
      add(`${what} ${size}, median`, 'ms', median(taken.map(({ ms }) => ms)), goal)
      add(`the same, the processor's time`, 'ms', median(taken.map(({ cpuMs }) => cpuMs)))
    }
  } finally {
    http.close()
    await nimbo('destroy', '--yes').catch((error) => plan.say(fullMessage(error)))
  }
  return figures
}

async function fill(world: World, admin: Session, count: number): Promise<void> {
  const { imageId, networkIds } = await prepare(admin, 1)
  for (let made = 0; made < count; made += 10)
    await Promise.all(
      Array.from({ length: Math.min(10, count - made) }, async (_, index) => {
        const name = `server-${made + index}`
        const server = { name, imageRef: imageId, flavorRef: '84', networks: [{ uuid: networkIds[0] }] }
        const answer = await admin.call<{ server: { id: string } }>('compute', {
          method: 'POST',
          path: '/servers',
          body: { server },
        })
        await active(world, admin, answer.server.id)
      }),
    )
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({
    options: {
      hosts: { type: 'string', default: '10' },
      servers: { type: 'string', default: '50' },
      rounds: { type: 'string', default: '5' },
      'port-base': { type: 'string', default: '29500' },
    },
  })
  await measureSnapshot(realWorld(), {
    hosts: Number(values.hosts),
    servers: Number(values.servers),
    rounds: Number(values.rounds),
    portBase: Number(values['port-base']),
    say: (line) => console.log(line),
  })
}

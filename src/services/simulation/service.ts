// Wires the simulation service. It has no database and outlives the rest of the control plane: a fault may stop that, and a
// restored snapshot puts another in its place. So journal and tokens are asked anew each time.
import type { Authenticate, HttpService } from '#kit/http/server.ts'
import { openPolicy } from '#kit/policy/engine.ts'
import { openApi } from '#kit/service/api.ts'
import type { Platform, RunningService } from '#kit/service/platform.ts'
import { faultRoutes } from './api/fault.ts'
import { snapshotRoutes } from './api/snapshot.ts'
import type { SimulationApp, SimulationSurroundings } from './app.ts'
import { simulationErrors } from './fault.ts'
import { endAllFaults } from './ops/fault.ts'
import { tellWhatEnded } from './ops/remembrance.ts'
import { simulationRules } from './rule.ts'

export type RunningSimulation = RunningService & { app: SimulationApp; http: HttpService }

/** What it stands on; `journal` and `authenticate` reach whatever control plane runs at the moment. */
export type SimulationGround = Pick<Platform, 'world' | 'log' | 'journal' | 'endpoint'> & {
  authenticate: Authenticate
  /** Its own part of the data folder. */
  folder: string
}

const name = 'nimbo-simulation'

export async function openSimulation(
  ground: SimulationGround,
  around: SimulationSurroundings,
): Promise<RunningSimulation> {
  const { world } = ground
  const log = ground.log.with({ service: name })
  const journal = ground.journal.as(name)
  const app: SimulationApp = {
    world,
    log,
    journal,
    around,
    faults: new Map(),
    remembrance: `${ground.folder}/active-faults.json`,
    turn: oneAtATime(),
  }
  await tellWhatEnded(app)
  const http = await openApi(ground, {
    name,
    app,
    routes: [...faultRoutes, ...snapshotRoutes],
    prefixes: ['/v1'],
    faults: simulationErrors,
    policy: openPolicy({ rules: Object.values(simulationRules) }),
    authenticate: ground.authenticate,
    types: ['simulation'],
  })
  return {
    name: 'simulation',
    app,
    http,
    async stop() {
      await http.close()
      await endAllFaults(app, 'restart')
    },
  }
}

function oneAtATime(): SimulationApp['turn'] {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const next = last.then(work, work)
    last = next.catch(() => undefined) // whoever asked is told
    return next
  }
}

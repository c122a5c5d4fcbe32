// When a cloud that was just started can be used: its APIs answer, its hosts have reported.
import { poll } from '#cli/demo.ts'
import type { Session } from '#cli/openstack.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { HttpClient } from '#kit/http/client.ts'
import type { World } from '#kit/world/world.ts'
import { originOf, ownAddress } from './api.ts'
import type { Cloud } from './data-folder.ts'
import { simulatedHosts } from './host-kind.ts'
import type { PortName } from './port.ts'
import { controllingRole, hostingRole, type Role, roleLog, roleState } from './role.ts'

const apis: readonly PortName[] = [
  'identity',
  'image',
  'placement',
  'compute',
  'metadata',
  'network',
  'volume',
  'console',
  'journal',
]
const startTimeoutMs = 60_000
const startTimeoutOfHostMs = 100

/** The controller opens it after the others. */
const lastApi: PortName = 'metadata'

/** Any HTTP answer at all means that a service listens. */
export async function apisAnswer(http: HttpClient, cloud: Cloud): Promise<boolean> {
  const { settings, ports } = cloud
  const answers = (name: PortName) =>
    http
      .request({
        method: 'GET',
        url: `${originOf(settings, ownAddress(settings.listen), ports[name])}/`,
        timeoutMs: 2_000,
      })
      .then(
        () => true,
        () => false,
      )
  // One by one is not slower where the first says no, and takes the processor from nobody who starts meanwhile.
  if (!(await answers(lastApi))) return false
  return (await Promise.all(apis.map(answers))).every(Boolean)
}

export async function awaitApis(world: World, http: HttpClient, cloud: Cloud): Promise<void> {
  const role = controllingRole(cloud)
  const late = `The APIs don't answer after ${startTimeoutMs / 1000} s: see ${roleLog(cloud.folder, role)}`
  await poll(
    world,
    startTimeoutMs,
    late,
    async () => {
      await failIfEnded(world, cloud, role)
      return (await apisAnswer(http, cloud)) || undefined
    },
    20,
  )
}

/** Every host's compute service is up and known to placement, and on real hosts the agent of its switch is alive. */
export async function awaitHosts(world: World, admin: Session, cloud: Cloud): Promise<void> {
  const role = hostingRole(cloud)
  const wanted = cloud.settings.dataPlane === 'sim' ? simulatedHosts(cloud.settings).length : 1
  const timeoutMs = startTimeoutMs + wanted * startTimeoutOfHostMs
  const late = `The host agent hasn't reported after ${timeoutMs / 1000} s: see ${roleLog(cloud.folder, role)}`
  await poll(
    world,
    timeoutMs,
    late,
    async () => {
      await failIfEnded(world, cloud, role)
      const { services } = await admin.call<{ services: { state: string }[] }>('compute', {
        path: '/os-services?binary=nova-compute',
      })
      const up = services.filter((service) => service.state === 'up').length
      if (up < wanted) return undefined
      const { agents } = await admin.call<{ agents: { alive: boolean }[] }>('network', {
        path: '/v2.0/agents?binary=neutron-openvswitch-agent&fields=alive',
      })
      if (agents.filter((agent) => agent.alive).length < wanted) return undefined
      // Told by the compute service after the host's first report: without it there is nowhere to schedule to.
      const { resource_providers: providers } = await admin.call<{ resource_providers: unknown[] }>(
        'placement',
        { path: '/resource_providers' },
      )
      return providers.length >= wanted || undefined
    },
    // Lists of a thousand hosts take the controller's time, which these need to come up.
    20 + wanted / 2,
  )
}

/** A process that can't start is told at once, with what it said last. */
async function failIfEnded(world: World, cloud: Cloud, role: Role): Promise<void> {
  const state = await roleState(world, cloud.folder, role)
  if (state.process || state.supervisor) return
  const said = (await world.files.exists(state.log)) ? await world.files.readText(state.log) : ''
  const tail = said.trimEnd().split('\n').slice(-8).join('\n  ')
  throw new CloudError('unavailable', `The ${role} doesn't run. The end of ${state.log}:\n  ${tail}`)
}

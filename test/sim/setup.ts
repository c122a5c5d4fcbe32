// What is the same in each process of a simulated cloud: names, ports, secrets, configuration, and who may use the bus.
import { loadConfig } from '#kit/config/load.ts'
import type { ServiceType } from '#kit/service/platform.ts'
import type { BusAgent } from '#main/bus-access.ts'
import type { ExternalBroker } from '#main/bus-engine.ts'
import { hostRights, hostUser } from '#main/bus-rights.ts'
import type { CloudBrokerPlan } from '#main/cloud-broker.ts'
import { usualPorts } from '#main/port.ts'
import { type Secrets, secretNames } from '#main/secret.ts'
import { agentSections, serviceSections } from '#main/section.ts'

export const controllerName = 'controller'
export const busName = 'bus'
export const clientsName = 'clients'
export const region = 'RegionOne'
/** Of each process, on its own machine's disk. */
export const dataRoot = '/var/lib/nimbo'

export const secrets = Object.fromEntries(secretNames.map((name) => [name, `secret of ${name}`])) as Secrets
export const config = loadConfig([...serviceSections, ...agentSections], {})

export function hostNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `node${index + 1}`)
}

export function endpoint(type: ServiceType): string {
  return `http://${controllerName}:${usualPorts[type]}`
}

/** The controller's user of the bus. */
const busUser = 'controller'
const vhost = '/'

/** The broker is a process of its own on a machine of its own, as an operator's RabbitMQ is. */
export const externalBroker: ExternalBroker = {
  transport: {
    addresses: [{ host: busName, port: usualPorts.amqp }],
    secure: false,
    user: busUser,
    password: secrets['bus-controller'],
    vhost,
  },
  durableQueueType: 'classic',
}

export function busAgents(hosts: readonly string[]): BusAgent[] {
  return hosts.map((host) => ({ user: hostUser(host), password: `secret of ${host}`, hosts: [host] }))
}

/** The controller may do everything, an agent what a host's agent may. */
export function busUsers(hosts: readonly string[]): CloudBrokerPlan['users'] {
  const all = { configure: '.*', write: '.*', read: '.*' }
  const agents = busAgents(hosts).map(({ user, password, hosts: own }) => {
    const { permission, topics } = hostRights(user, own, [busUser])
    const byExchange = topics.map(({ exchange, ...patterns }) => [exchange, patterns])
    return [
      user,
      {
        password,
        permissions: { [vhost]: permission },
        topicPermissions: { [vhost]: Object.fromEntries(byExchange) },
      },
    ]
  })
  return {
    [busUser]: { password: secrets['bus-controller'], permissions: { [vhost]: all } },
    ...Object.fromEntries(agents),
  }
}

// Networks, routers and floating IPs.
import type { Stage } from '../stage.ts'
import type { OperationKind, Row } from './operation.ts'

const put = (stage: Stage, path: string, body: object) =>
  stage.admin.call('network', { method: 'PUT', path: `/v2.0/${path}`, body })
const routerPorts = async (stage: Stage) =>
  (
    await stage.ask<{ ports: Row[] }>('network', {
      path: `/v2.0/ports?network_id=${stage.networks.other}&device_id=${stage.routerId}`,
    })
  ).ports
const otherSubnet = (stage: Stage) => ({ subnet_id: stage.subnets.other })
export const routerInterface = (stage: Stage, what: 'add' | 'remove') =>
  put(stage, `routers/${stage.routerId}/${what}_router_interface`, otherSubnet(stage))
const gatewayAnswers = async (stage: Stage) =>
  (
    await stage.inGuest(stage.subject, 'ping -c 1 -W 2 10.2.0.1 > /dev/null && echo yes || echo no')
  ).stdout.trim()

export const interfaceAdd: OperationKind = {
  spanMs: 800,
  events: [],
  open: async (stage) => ({
    subject: () => undefined,
    begin: async () => void (await routerInterface(stage, 'add')),
    ended: async () => ((await routerPorts(stage)).length === 1 ? 'done' : 'undone'),
    works: async () => (await gatewayAnswers(stage)) === 'yes',
  }),
}
export const interfaceRemove: OperationKind = {
  spanMs: 800,
  events: [],
  async open(stage) {
    await routerInterface(stage, 'add')
    await stage.until(
      'the router is on the other network',
      async () => (await gatewayAnswers(stage)) === 'yes',
    )
    return {
      subject: () => undefined,
      begin: async () => void (await routerInterface(stage, 'remove')),
      ended: async () => ((await routerPorts(stage)).length === 0 ? 'done' : 'undone'),
      works: async () => (await gatewayAnswers(stage)) === 'no',
    }
  },
}

type Floating = Row & { port_id: string | null; floating_ip_address: string }
export const floatingOf = async (stage: Stage): Promise<Floating> =>
  (
    await stage.ask<{ floatingips: Floating[] }>('network', {
      path: `/v2.0/floatingips?floating_ip_address=${stage.subject.floatingIp}`,
    })
  ).floatingips[0]!
export const setFloating = async (stage: Stage, portId: string | null) =>
  put(stage, `floatingips/${(await floatingOf(stage)).id}`, { floatingip: { port_id: portId } })
const subjectAnswers = async (stage: Stage, connectSeconds?: number) =>
  (await stage.inGuest(stage.subject, 'true', connectSeconds)).code === 0

export const floatingAssociate: OperationKind = {
  spanMs: 500,
  events: [],
  async open(stage) {
    await setFloating(stage, null)
    return {
      subject: () => undefined,
      begin: async () => void (await setFloating(stage, stage.subject.portId)),
      ended: async () => ((await floatingOf(stage)).port_id === stage.subject.portId ? 'done' : 'undone'),
      works: () => subjectAnswers(stage),
    }
  },
}
export const floatingDisassociate: OperationKind = {
  spanMs: 500,
  events: [],
  open: async (stage) => ({
    subject: () => undefined,
    begin: async () => void (await setFloating(stage, null)),
    ended: async () => ((await floatingOf(stage)).port_id === null ? 'done' : 'undone'),
    works: async () => !(await subjectAnswers(stage, 1)),
  }),
}

const named = async (stage: Stage, kind: 'network' | 'router', name: string) =>
  (await stage.ask<Record<string, Row[]>>('network', { path: `/v2.0/${kind}s?name=${name}` }))[`${kind}s`]!
export const routerCreate: OperationKind = {
  spanMs: 1200,
  events: [],
  async open(stage, name) {
    return {
      subject: () => undefined,
      async begin() {
        const body = { router: { name, external_gateway_info: { network_id: stage.networks.outer } } }
        await stage.admin.call('network', { method: 'POST', path: '/v2.0/routers', body })
      },
      async ended() {
        const [router] = await named(stage, 'router', name)
        if (!router) return 'undone'
        return router.status === 'ACTIVE' ? 'done' : undefined
      },
    }
  },
}
export const networkCreate: OperationKind = {
  spanMs: 1500,
  events: [],
  async open(stage, name) {
    return {
      subject: () => undefined,
      async begin() {
        const { network } = await stage.admin.call<{ network: Row }>('network', {
          method: 'POST',
          path: '/v2.0/networks',
          body: { network: { name } },
        })
        await stage.admin.call('network', {
          method: 'POST',
          path: '/v2.0/subnets',
          body: { subnet: { network_id: network.id, ip_version: 4, cidr: '10.9.0.0/24' } },
        })
      },
      async ended() {
        const [network] = await named(stage, 'network', name)
        return network && (network.subnets as unknown[]).length === 1 ? 'done' : 'undone'
      },
    }
  },
}

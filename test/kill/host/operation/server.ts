// Servers: made, deleted, switched off and on.
import { bootText } from '#test/real/boot-image.ts'
import type { Stage } from '../stage.ts'
import { act, bringTo, type OperationKind, type Row, settled, shownServer } from './operation.ts'

export function powerOperation(
  action: Record<string, unknown>,
  from: 'ACTIVE' | 'SHUTOFF' | 'PAUSED',
  to: string,
  spanMs: number,
): OperationKind {
  return {
    spanMs,
    events: ['server-power.order', 'server-power.done'],
    guest: 'spare',
    async open(stage) {
      const { id } = stage.spare
      await bringTo(stage, id, from)
      return {
        subject: () => `server:${id}`,
        begin: async () => void (await act(stage, id, action)),
        async ended() {
          const server = await settled(stage, id)
          return server && (server.status === to ? 'done' : 'undone')
        },
      }
    },
  }
}

const serverBody = (stage: Stage, name: string) => ({
  name,
  imageRef: stage.images.sector,
  flavorRef: '0',
  networks: [{ uuid: stage.networks.inner }],
  config_drive: true,
  block_device_mapping_v2: [
    {
      boot_index: 0,
      source_type: 'image',
      destination_type: 'local',
      uuid: stage.images.sector,
      delete_on_termination: true,
    },
    {
      boot_index: -1,
      source_type: 'blank',
      destination_type: 'volume',
      volume_size: 1,
      delete_on_termination: true,
    },
  ],
})

const createSteps = ['select', 'ports', 'plugged', 'volumes', 'build', 'built', 'settle']
export const create: OperationKind = {
  spanMs: 1800,
  events: [
    'server.insert',
    'server.host',
    'server.lookup',
    ...createSteps.map((step) => `server-create.${step}`),
  ],
  files: ['guest.json', 'disk', 'disk.config', 'disk.info', 'libvirt.xml', 'console.log', 'pid', 'qmp.sock'],
  guest: 'own',
  async open(stage, name) {
    let id: string | undefined
    return {
      subject: () => id && `server:${id}`,
      async begin() {
        const body = { server: serverBody(stage, name) }
        id = (await stage.admin.call<{ server: Row }>('compute', { method: 'POST', path: '/servers', body }))
          .server.id
      },
      async ended() {
        const { servers } = await stage.ask<{ servers: Row[] }>('compute', { path: `/servers?name=${name}` })
        if (servers.length > 1) throw new Error(`${name} was made ${servers.length} times`)
        if (!servers[0]) return 'undone'
        id = servers[0].id
        const server = await settled(stage, id)
        return server && (server.status === 'ACTIVE' ? 'done' : 'undone')
      },
      async works() {
        const body = { 'os-getConsoleOutput': {} }
        const path = `/servers/${id}/action`
        const server = await shownServer(stage, id!)
        // Its QEMU may have been the one that was killed.
        if (server?.status !== 'ACTIVE') return server?.status === 'SHUTOFF'
        return (
          await stage.ask<{ output: string }>('compute', { method: 'POST', path, body })
        ).output.includes(bootText)
      },
    }
  },
}

export const remove: OperationKind = {
  spanMs: 900,
  events: ['quiesce', 'destroy', 'destroyed', 'ports', 'volumes', 'finish'].map(
    (step) => `server-delete.${step}`,
  ),
  guest: 'own',
  async open(stage, name) {
    const body = { server: serverBody(stage, name) }
    const { server } = await stage.ask<{ server: Row }>('compute', { method: 'POST', path: '/servers', body })
    await bringTo(stage, server.id, 'ACTIVE')
    return {
      subject: () => `server:${server.id}`,
      begin: async () =>
        void (await stage.admin.call('compute', { method: 'DELETE', path: `/servers/${server.id}` })),
      async ended() {
        const shown = await shownServer(stage, server.id)
        if (!shown) return 'done'
        return shown['OS-EXT-STS:task_state'] === null ? 'undone' : undefined
      },
    }
  },
}

// Disks and network cards that come to a running guest and go.
import type { Stage } from '../stage.ts'
import { type Ended, type OperationKind, type Row, settled } from './operation.ts'

async function attachment(stage: Stage): Promise<string> {
  const path = `/volumes/${stage.volumeId}`
  return (await stage.ask<{ volume: { status: string } }>('block-storage', { path })).volume.status
}
const attachments = (stage: Stage) => `/servers/${stage.subject.id}/os-volume_attachments`
const diskIn = async (stage: Stage) =>
  (await stage.inGuest(stage.subject, 'test -e /dev/vdb && echo yes || echo no')).stdout.trim()

/** Only where nothing is said of the guest's task any more, and the volume says where it is. */
async function volumeEnded(stage: Stage, wanted: string): Promise<Ended | undefined> {
  const server = await settled(stage, stage.subject.id)
  const status = await attachment(stage)
  if (!server || !['available', 'in-use', 'error'].includes(status)) return undefined
  return status === wanted ? 'done' : 'undone'
}

async function attachVolume(stage: Stage): Promise<void> {
  const body = { volumeAttachment: { volumeId: stage.volumeId } }
  await stage.admin.call('compute', { method: 'POST', path: attachments(stage), body })
}
export const volumeAttach: OperationKind = {
  spanMs: 700,
  events: ['server-volume-attach.order', 'server-volume-attach.done'],
  guest: 'subject',
  open: async (stage) => ({
    subject: () => `server:${stage.subject.id}`,
    begin: () => attachVolume(stage),
    ended: () => volumeEnded(stage, 'in-use'),
    works: async () => (await diskIn(stage)) === 'yes',
  }),
}
export const volumeDetach: OperationKind = {
  spanMs: 1200,
  events: ['server-volume-detach.order', 'server-volume-detach.done'],
  guest: 'subject',
  async open(stage) {
    await attachVolume(stage)
    await stage.until('the volume is attached', async () => (await attachment(stage)) === 'in-use')
    // A guest that hasn't taken a disk in yet lets go of it only seconds later.
    await stage.until('the guest has the disk', async () => (await diskIn(stage)) === 'yes')
    return {
      subject: () => `server:${stage.subject.id}`,
      begin: async () =>
        void (await stage.admin.call('compute', {
          method: 'DELETE',
          path: `${attachments(stage)}/${stage.volumeId}`,
        })),
      ended: () => volumeEnded(stage, 'available'),
      works: async () => (await diskIn(stage)) === 'no',
    }
  },
}

const interfaces = (stage: Stage) => `/servers/${stage.subject.id}/os-interface`
export async function otherPorts(stage: Stage): Promise<Row[]> {
  const path = `/v2.0/ports?network_id=${stage.networks.other}&device_id=${stage.subject.id}`
  return (await stage.ask<{ ports: Row[] }>('network', { path })).ports
}
type Action = { request_id: string; events?: { finish_time: string | null }[] }

/** Cards come and go without a task state: what is under way is told by the server's newest action. */
async function isActedOn(stage: Stage): Promise<boolean> {
  const path = `/servers/${stage.subject.id}/os-instance-actions`
  const { instanceActions } = await stage.ask<{ instanceActions: Action[] }>('compute', { path })
  const { instanceAction } = await stage.ask<{ instanceAction: Action }>('compute', {
    path: `${path}/${instanceActions[0]!.request_id}`,
  })
  // None yet: its task hasn't begun.
  const { events = [] } = instanceAction
  return events.length === 0 || events.some(({ finish_time: end }) => end === null)
}

async function interfaceEnded(stage: Stage, wanted: number): Promise<Ended | undefined> {
  if (await isActedOn(stage)) return undefined
  const server = await settled(stage, stage.subject.id)
  const ports = await otherPorts(stage)
  if (!server || (server.status === 'ACTIVE' && ports.some((port) => port.status !== 'ACTIVE')))
    return undefined
  return ports.length === wanted ? 'done' : 'undone'
}
const cardsIn = async (stage: Stage) =>
  Number((await stage.inGuest(stage.subject, 'ls -d /sys/class/net/eth* | wc -l')).stdout)
const attachInterface = (stage: Stage) =>
  stage.admin.call('compute', {
    method: 'POST',
    path: interfaces(stage),
    body: { interfaceAttachment: { net_id: stage.networks.other } },
  })

export const interfaceAttach: OperationKind = {
  spanMs: 1500,
  events: ['plugged', 'order', 'done'].map((step) => `server-interface-attach.${step}`),
  guest: 'subject',
  open: async (stage) => ({
    subject: () => `server:${stage.subject.id}`,
    begin: async () => void (await attachInterface(stage)),
    ended: () => interfaceEnded(stage, 1),
    works: async () => (await cardsIn(stage)) === 2,
  }),
}
export const interfaceDetach: OperationKind = {
  spanMs: 1200,
  events: ['order', 'done'].map((step) => `server-interface-detach.${step}`),
  guest: 'subject',
  async open(stage) {
    await attachInterface(stage)
    await stage.until('the port is there', async () => (await interfaceEnded(stage, 1)) === 'done')
    const [port] = await otherPorts(stage)
    return {
      subject: () => `server:${stage.subject.id}`,
      begin: async () =>
        void (await stage.admin.call('compute', {
          method: 'DELETE',
          path: `${interfaces(stage)}/${port!.id}`,
        })),
      ended: () => interfaceEnded(stage, 0),
      works: async () => (await cardsIn(stage)) === 1,
    }
  },
}

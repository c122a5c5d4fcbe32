// Decisions about networks.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { CreateOf, UpdateOf } from '../resources/attribute.ts'
import { invalidInput } from '../resources/attribute.ts'
import type { Network, networkAttributes } from '../resources/network.ts'
import { newStandard } from '../resources/standard.ts'
import * as store from '../store/network.ts'
import { otherProjectsOn, portsOfNetwork } from '../store/port.ts'
import { routersOnNetwork } from '../store/router.ts'
import { subnetsOf } from '../store/subnet.ts'
import { noteDhcp, type Work } from './change.ts'
import { removeFreeFloatingIps } from './floating-ip.ts'
import { removePort } from './port-delete.ts'
import { enforceQuota } from './quota.ts'
import { ensureDefaultGroup } from './security-group.ts'
import { allocateSegment, releaseSegments, segmentMtu } from './segment.ts'
import { removeSubnetRow } from './subnet.ts'

export type NetworkCreate = CreateOf<typeof networkAttributes>
export type NetworkUpdate = UpdateOf<typeof networkAttributes>

/** RFC 791 and RFC 8200: what each version of IP must be able to carry. */
const leastMtu = { 4: 68, 6: 1280 } as const

export async function createNetwork(work: Work, given: NetworkCreate): Promise<Network> {
  const { app, tx } = work
  await enforceQuota(work, given.projectId, 'network')
  await ensureDefaultGroup(work, given.projectId)
  const standard = newStandard(app.world, given)
  const { networkType, physicalNetwork, segmentationId, ...rest } = given
  const segment = await allocateSegment(work, standard.id, { networkType, physicalNetwork, segmentationId })
  const row: Network = {
    ...standard,
    name: rest.name,
    adminStateUp: rest.adminStateUp,
    status: 'ACTIVE',
    mtu: chosenMtu(rest.mtu, segmentMtu(app.config, segment)),
    shared: rest.shared,
    external: rest.external,
    isDefault: await takeDefault(work, rest.isDefault, rest.external),
    portSecurityEnabled: rest.portSecurityEnabled,
    dnsDomain: rest.dnsDomain,
    availabilityZoneHints: [...rest.availabilityZoneHints],
    ...segment,
    dhcpGeneration: 0,
    locatedVersion: 1,
    dhcpReadyGeneration: 0,
  }
  await store.insertNetwork(tx, row)
  return row
}

export async function updateNetwork(work: Work, row: Network, given: NetworkUpdate): Promise<Network> {
  const { app, tx, changes } = work
  const { networkType, physicalNetwork, segmentationId, mtu, isDefault, ...plain } = given
  if (networkType !== undefined || physicalNetwork !== undefined || segmentationId !== undefined)
    throw invalidInput('Plugin does not support updating provider attributes')
  if (plain.shared === false && row.shared) await refuseUnshare(work, row)
  if (plain.external === false && row.external && (await routersOnNetwork(tx, row.id)) > 0)
    throw new CloudError(
      'conflict',
      `External network ${row.id} cannot be updated to be made non-external, since it has existing gateway ports.`,
      { type: 'ExternalNetworkInUse' },
    )
  const change: Partial<Network> = {
    ...plain,
    ...(mtu !== undefined && { mtu: chosenMtu(mtu, segmentMtu(app.config, row)) }),
    ...(isDefault !== undefined &&
      isDefault !== row.isDefault && {
        isDefault: await takeDefault(work, isDefault, plain.external ?? row.external),
      }),
  }
  if (change.mtu !== undefined && change.mtu !== row.mtu) await checkMtu(work, row.id, change.mtu)
  const wiringChanges = change.mtu !== undefined && change.mtu !== row.mtu
  const stateChanges = change.adminStateUp !== undefined && change.adminStateUp !== row.adminStateUp
  if (wiringChanges || stateChanges)
    for (const each of await portsOfNetwork(tx, row.id)) changes.ports.add(each.id)
  if (wiringChanges || stateChanges || (change.dnsDomain ?? row.dnsDomain) !== row.dnsDomain)
    noteDhcp(changes, row.id)
  return applyUpdate(work, row, change)
}

async function applyUpdate(work: Work, row: Network, change: Partial<Network>): Promise<Network> {
  const whole = { ...change, revision: row.revision + 1, updatedAt: work.app.world.clock.now() }
  await store.updateNetwork(work.tx, row.id, whole)
  return { ...row, ...whole }
}

/** Its own DHCP ports go with it, and floating IPs that lead nowhere; anything else keeps it. */
export async function deleteNetwork(work: Work, row: Network): Promise<void> {
  const { tx } = work
  await removeFreeFloatingIps(work, row.id)
  const ports = await portsOfNetwork(tx, row.id)
  if (ports.some((each) => each.deviceOwner !== 'network:dhcp'))
    throw new CloudError(
      'conflict',
      `Unable to complete operation on network ${row.id}. There are one or more ports still in use on the network, id for these ports is: ${ports
        .filter((each) => each.deviceOwner !== 'network:dhcp')
        .slice(0, 10)
        .map((each) => each.id)
        .join(',')}.`,
      { type: 'NetworkInUse' },
    )
  noteDhcp(work.changes, row.id)
  for (const each of ports) await removePort(work, each)
  for (const each of await subnetsOf(tx, row.id)) await removeSubnetRow(work, each)
  await releaseSegments(work, row.id)
  await store.deleteNetwork(tx, row.id)
}

function chosenMtu(wished: number, most: number): number {
  if (wished === 0) return most
  if (wished > most) throw invalidInput(`Requested MTU is too big, maximum is ${most}`)
  if (wished < leastMtu[4]) throw invalidInput(`Requested MTU is too small, minimum is ${leastMtu[4]}`)
  return wished
}

async function checkMtu({ tx }: Work, networkId: string, mtu: number): Promise<void> {
  const subnets = await subnetsOf(tx, networkId)
  if (subnets.some((each) => each.ipVersion === 6) && mtu < leastMtu[6])
    throw invalidInput(
      `Requested MTU is too small, minimum is ${leastMtu[6]} for a network with an IPv6 subnet`,
    )
}

async function takeDefault({ tx }: Work, wished: boolean, external: boolean): Promise<boolean> {
  if (!wished) return false
  if (!external) throw invalidInput('is_default can only be set on an external network')
  if (await store.externalDefault(tx))
    throw new CloudError('conflict', 'A default external network already exists.', {
      type: 'DefaultExternalNetworkExists',
    })
  return true
}

async function refuseUnshare({ tx }: Work, row: Network): Promise<void> {
  if ((await otherProjectsOn(tx, row.id, row.projectId)) > 0)
    throw new CloudError(
      'conflict',
      `Unable to reconfigure sharing settings for network ${row.id}. Multiple tenants are using it.`,
      { type: 'InvalidSharedSetting' },
    )
}

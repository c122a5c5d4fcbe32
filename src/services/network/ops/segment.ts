// Type drivers: which wire a network gets. Flat, VLAN, VXLAN, GRE and local, each with what it needs and forbids.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { mtuOf, type NetworkType } from '#kit/net/mtu.ts'
import type { NetworkConfig } from '../config.ts'
import { invalidInput } from '../resources/attribute.ts'
import * as store from '../store/network.ts'
import type { Work } from './change.ts'

export type Segment = {
  networkType: NetworkType
  physicalNetwork: string | null
  segmentationId: number | null
}
export type SegmentWish = {
  networkType?: NetworkType
  physicalNetwork?: string | null
  segmentationId?: number | null
}
type Range = { physicalNetwork: string; first: number; last: number }

/** RFC 802.1Q: 0 is no VLAN, and 4095 is reserved. */
const vlanIds = { first: 1, last: 4094 }
const tunnelIds = { vxlan: { first: 1, last: 2 ** 24 - 1 }, gre: { first: 1, last: 2 ** 32 - 1 } }
const randomTries = 8

export async function allocateSegment(work: Work, networkId: string, wish: SegmentWish): Promise<Segment> {
  if (wish.networkType === undefined) {
    if (wish.physicalNetwork || wish.segmentationId) throw invalidInput('network_type required')
    return allocateTenantSegment(work, networkId)
  }
  return allocateProviderSegment(work, networkId, { ...wish, networkType: wish.networkType })
}

export const releaseSegments = ({ tx }: Work, networkId: string) => store.releaseSegments(tx, networkId)

export function segmentMtu(config: NetworkConfig, segment: Pick<Segment, 'networkType'>): number {
  return mtuOf(segment.networkType, config.globalPhysnetMtu)
}

/** What users get: the first of the configured types that has something left. */
async function allocateTenantSegment(work: Work, networkId: string): Promise<Segment> {
  for (const type of work.app.config.tenantNetworkTypes) {
    const networkType = type as NetworkType
    if (networkType === 'local') return { networkType, physicalNetwork: null, segmentationId: null }
    for (const range of poolOf(work.app.config, networkType)) {
      const segment = await takeFrom(work, networkId, networkType, range)
      if (segment) return segment
    }
  }
  throw noneLeft()
}

function noneLeft(): CloudError {
  return new CloudError(
    'unavailable',
    'Unable to create the network. No tenant network is available for allocation.',
    {
      type: 'NoNetworkAvailable',
    },
  )
}

async function allocateProviderSegment(
  work: Work,
  networkId: string,
  wish: SegmentWish & { networkType: NetworkType },
): Promise<Segment> {
  const { networkType } = wish
  const physicalNetwork = wish.physicalNetwork ?? null
  const segmentationId = wish.segmentationId ?? null
  const { config } = work.app
  switch (networkType) {
    case 'local':
      if (physicalNetwork !== null)
        throw invalidInput('provider:physical_network specified for local network')
      if (segmentationId !== null) throw invalidInput('provider:segmentation_id specified for local network')
      return { networkType, physicalNetwork: null, segmentationId: null }
    case 'flat': {
      if (physicalNetwork === null) throw invalidInput('physical_network required for flat provider network')
      if (segmentationId !== null) throw invalidInput('segmentation_id prohibited for flat provider network')
      if (!config.flatNetworks.includes('*') && !config.flatNetworks.includes(physicalNetwork))
        throw invalidInput(`physical_network '${physicalNetwork}' unknown for flat provider network`)
      const segment = { networkType, physicalNetwork, segmentationId: null }
      if (!(await take(work, networkId, segment)))
        throw new CloudError(
          'conflict',
          `Unable to create the flat network. Physical network ${physicalNetwork} is in use.`,
          { type: 'FlatNetworkInUse' },
        )
      return segment
    }
    case 'vlan':
      return allocateVlan(work, networkId, physicalNetwork, segmentationId)
    case 'vxlan':
    case 'gre':
      return allocateTunnel(work, networkId, networkType, physicalNetwork, segmentationId)
  }
}

async function allocateVlan(
  work: Work,
  networkId: string,
  physicalNetwork: string | null,
  segmentationId: number | null,
): Promise<Segment> {
  const { config } = work.app
  if (physicalNetwork === null) {
    if (segmentationId !== null)
      throw invalidInput('segmentation_id requires physical_network for VLAN provider network')
    for (const range of poolOf(config, 'vlan')) {
      const segment = await takeFrom(work, networkId, 'vlan', range)
      if (segment) return segment
    }
    throw noneLeft()
  }
  const known = config.networkVlanRanges.map((text) => text.split(':')[0])
  if (!known.includes(physicalNetwork))
    throw invalidInput(`physical_network '${physicalNetwork}' unknown for VLAN provider network`)
  if (segmentationId === null) {
    for (const range of poolOf(config, 'vlan').filter((each) => each.physicalNetwork === physicalNetwork)) {
      const segment = await takeFrom(work, networkId, 'vlan', range)
      if (segment) return segment
    }
    throw invalidInput(
      `Physical network ${physicalNetwork} requires segmentation_id to be specified when creating a provider network`,
    )
  }
  if (segmentationId < vlanIds.first || segmentationId > vlanIds.last)
    throw invalidInput(`segmentation_id out of range (${vlanIds.first} through ${vlanIds.last})`)
  const segment: Segment = { networkType: 'vlan', physicalNetwork, segmentationId }
  if (!(await take(work, networkId, segment)))
    throw new CloudError(
      'conflict',
      `Unable to create the network. The VLAN ${segmentationId} on physical network ${physicalNetwork} is in use.`,
      { type: 'VlanIdInUse' },
    )
  return segment
}

async function allocateTunnel(
  work: Work,
  networkId: string,
  networkType: 'vxlan' | 'gre',
  physicalNetwork: string | null,
  segmentationId: number | null,
): Promise<Segment> {
  if (physicalNetwork !== null)
    throw invalidInput(`provider:physical_network specified for ${networkType} network`)
  if (segmentationId === null) {
    for (const range of poolOf(work.app.config, networkType)) {
      const segment = await takeFrom(work, networkId, networkType, range)
      if (segment) return segment
    }
    throw noneLeft()
  }
  const { first, last } = tunnelIds[networkType]
  if (segmentationId < first || segmentationId > last)
    throw invalidInput(`segmentation_id out of range (${first} through ${last})`)
  const segment: Segment = { networkType, physicalNetwork: null, segmentationId }
  if (!(await take(work, networkId, segment)))
    throw new CloudError(
      'conflict',
      `Unable to create the network. The tunnel ID ${segmentationId} is in use.`,
      {
        type: 'TunnelIdInUse',
      },
    )
  return segment
}

const take = ({ tx }: Work, networkId: string, { networkType, physicalNetwork, segmentationId }: Segment) =>
  store.takeSegment(tx, {
    networkType,
    physicalNetwork: physicalNetwork ?? '',
    segmentationId: segmentationId ?? 0,
    networkId,
  })

/** A random id of the range, so that two that allocate at once seldom meet; all are looked at before it gives up. */
async function takeFrom(
  work: Work,
  networkId: string,
  networkType: 'vlan' | 'vxlan' | 'gre' | 'flat',
  range: Range,
): Promise<Segment | undefined> {
  const physicalNetwork = range.physicalNetwork || null
  const tryOne = async (segmentationId: number) => {
    const segment = { networkType, physicalNetwork, segmentationId }
    return (await take(work, networkId, segment)) ? segment : undefined
  }
  for (let tries = 0; tries < randomTries; tries++) {
    const segment = await tryOne(work.app.world.random.int(range.first, range.last + 1))
    if (segment) return segment
  }
  const taken = await store.takenSegments(work.tx, networkType, range.physicalNetwork)
  for (let id = range.first; id <= range.last; id++) {
    const segment = taken.has(id) ? undefined : await tryOne(id)
    if (segment) return segment
  }
  return undefined
}

function poolOf(config: NetworkConfig, networkType: NetworkType): Range[] {
  if (networkType === 'vlan')
    return config.networkVlanRanges.flatMap((text) => {
      const [physicalNetwork, first, last] = text.split(':')
      return first === undefined || last === undefined
        ? []
        : [{ physicalNetwork: physicalNetwork!, first: Number(first), last: Number(last) }]
    })
  const ranges = { vxlan: config.vniRanges, gre: config.tunnelIdRanges, flat: [], local: [] }[networkType]
  return ranges.map((text) => {
    const [first, last] = text.split(':')
    return { physicalNetwork: '', first: Number(first), last: Number(last) }
  })
}

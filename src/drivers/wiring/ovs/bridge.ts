// The bridges and the patches between them: br-int in the middle, br-tun for tunnels, one bridge per physical network.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { parseInterface } from '#kit/net/cidr.ts'
import type { PhysicalNetwork, PrepareOptions } from '../driver.ts'
import { cloudTag, type OvsContext } from './context.ts'
import { prepareUnderlay, removeUnderlay } from './underlay.ts'

export async function prepareBridges(context: OvsContext, options: PrepareOptions): Promise<void> {
  const { names } = context
  await ensureBridge(context, names.integration, 'secure', {})
  for (const physical of Object.values(options.physicalNetworks)) {
    await preparePhysical(context, physical)
    await joinBridges(context, names.patch(physical.bridge), physical.bridge)
  }
  if (options.tunnel) {
    if (options.tunnel.underlay && context.datapath === 'netdev')
      await prepareUnderlay(context, { ...options.tunnel, underlay: options.tunnel.underlay })
    else await removeUnderlay(context)
    await ensureBridge(context, names.tunnel, 'secure', {})
    await joinBridges(context, names.tunnelPatch, names.tunnel)
  }
  context.prepared = options
}

async function ensureBridge(
  context: OvsContext,
  name: string,
  failMode: 'secure' | 'standalone',
  ids: Record<string, string>,
  shareable = false,
): Promise<void> {
  const there = context.switch.bridges().find((bridge) => bridge.name === name)
  if (!there) {
    await context.switch.addBridge({
      name,
      datapath: context.datapath,
      failMode,
      ids: { [cloudTag]: context.cloudId, ...ids },
    })
    return
  }
  if (!shareable && there.ids[cloudTag] !== context.cloudId) {
    const owner = there.ids[cloudTag]
    throw new CloudError(
      'conflict',
      `The bridge '${name}' is there already and belongs to ${owner ? `the cloud '${owner}'` : 'something else'}: choose another bridge suffix`,
    )
  }
}

/** An operator's own bridge to the outside is used as it is; only one that we made is removed with the cloud. */
async function preparePhysical(context: OvsContext, physical: PhysicalNetwork): Promise<void> {
  await ensureBridge(context, physical.bridge, 'standalone', {}, true)
  if (physical.uplink !== undefined) {
    if (!(await context.host.link(physical.uplink)))
      throw new CloudError(
        'badRequest',
        `The uplink '${physical.uplink}' of ${physical.bridge} is not on this host`,
      )
    await refuseUsedCard(context, physical.uplink, physical.bridge)
    await context.switch.addPorts([
      { bridge: physical.bridge, name: physical.uplink, ids: { [cloudTag]: context.cloudId } },
    ])
    await context.host.ipBatch([`link set dev ${physical.uplink} up`])
  }
  await setBridgeAddress(context, physical.bridge, physical.address)
}

/** As a port of a bridge a card hears nothing for the host any more: one by which the host is reached would cut it off. */
async function refuseUsedCard(context: OvsContext, card: string, bridge: string): Promise<void> {
  const held = await context.host.addresses(card)
  if (held.length === 0 || context.switch.port(card)?.bridge === bridge) return
  throw new CloudError(
    'badRequest',
    `The uplink '${card}' of ${bridge} holds ${held.join(', ')}, by which this host would no longer be reached: choose a card without addresses, or make the bridge yourself and give them to it`,
  )
}

async function setBridgeAddress(
  context: OvsContext,
  bridge: string,
  address: string | undefined,
): Promise<void> {
  if (address !== undefined && !parseInterface(address))
    throw new CloudError('badRequest', `'${address}' is no address with a prefix length`)
  await context.host.ipBatch([
    `link set dev ${bridge} up`,
    ...(address === undefined ? [] : [`addr replace ${address} dev ${bridge}`]),
  ])
}

async function joinBridges(
  context: OvsContext,
  patch: { here: string; there: string },
  bridge: string,
): Promise<void> {
  const ids = { [cloudTag]: context.cloudId }
  await context.switch.addPorts([
    {
      bridge: context.names.integration,
      name: patch.here,
      type: 'patch',
      options: { peer: patch.there },
      ids,
    },
    { bridge, name: patch.there, type: 'patch', options: { peer: patch.here }, ids },
  ])
  await context.switch.untilReady([patch.here, patch.there])
}

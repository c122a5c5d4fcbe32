// How tunnels leave a host whose switch runs in user space. The kernel keeps the card, its addresses and its routes: the
// host is as reachable with the switch dead as with it alive. The switch gets a bridge with the card as port and a device
// with the card's own MAC and address, by which it knows tunnels that are for this host, and is told for each peer that
// the way to it is by that bridge: by the kernel's routes alone it would look for the card's device, which is no bridge.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { TunnelOptions } from '../driver.ts'
import { cloudTag, type OvsContext } from './context.ts'
import { underlayFlows } from './flow/underlay.ts'
import { writeFlows } from './flow-writer.ts'
import type { Card } from './host.ts'

type Underlay = TunnelOptions & { underlay: NonNullable<TunnelOptions['underlay']> }

/** In the bridge's external ids; the last of them is what the card had before. */
const cardId = 'nimbo-card'
const macId = 'nimbo-card-mac'
const groId = 'nimbo-card-gro'

export async function prepareUnderlay(context: OvsContext, tunnel: Underlay): Promise<void> {
  const { bridge } = tunnel.underlay
  const card = await cardOf(context, tunnel)
  const there = context.switch.bridges().find(({ name }) => name === bridge)
  if (there && there.ids[cloudTag] !== context.cloudId)
    throw new CloudError(
      'conflict',
      `The bridge '${bridge}' is there already and isn't this cloud's: choose another for the tunnel underlay`,
    )
  if (there && (there.ids[cardId] !== card.name || there.ids[macId] !== card.mac))
    await removeUnderlay(context)
  if (!context.switch.bridges().some(({ name }) => name === bridge)) {
    refuseForeignPort(context, bridge, card.name)
    const gro = await receiveOffload(context, card.name)
    await context.switch.addBridge({
      name: bridge,
      datapath: context.datapath,
      failMode: 'secure',
      mac: card.mac,
      ids: { [cloudTag]: context.cloudId, [cardId]: card.name, [macId]: card.mac, [groId]: gro },
    })
  }
  // Before the card is one of its ports: with a device of that address the kernel must find no other way than before.
  await context.host.ipBatch([
    `link set dev ${bridge} addrgenmode none up`,
    // The kernel may have been quicker than the line before.
    `addr flush dev ${bridge} scope link`,
    `addr replace ${tunnel.localIp}/${card.prefix} dev ${bridge} noprefixroute`,
  ])
  await context.switch.addPorts([{ bridge, name: card.name, ids: { [cloudTag]: context.cloudId } }])
  await context.switch.untilReady([card.name])
  const port = context.switch.port(card.name)
  if (!port || port.ofport < 1)
    throw new CloudError('internal', `Open vSwitch could not take the card ${card.name}`, {
      detail: port?.error,
    })
  await writeFlows(context, bridge, underlayFlows(tunnel.localIp, tunnel.types, port.ofport), true)
  await hideTunnels(context, card.name, tunnel)
  // GRE is merged by the kernel as TCP is: the switch would get frames larger than the wire's.
  if (tunnel.types.includes('gre')) await setReceiveOffload(context, card.name, 'off')
}

/** Gives the card back whole. Nothing to do where there is no underlay. */
export async function removeUnderlay(context: OvsContext): Promise<void> {
  const ours = context.switch
    .bridges()
    .filter(({ ids }) => ids[cloudTag] === context.cloudId && ids[cardId] !== undefined)
  if (ours.length === 0) return
  await nft(context, [`table inet ${tableName(context)}`, `delete table inet ${tableName(context)}`])
  await context.switch.removeBridges(ours.map(({ name }) => name))
  for (const { name, ids } of ours) {
    context.applied.delete(name)
    const card = ids[cardId]!
    if (ids[groId] === 'on' && (await context.host.link(card))) await setReceiveOffload(context, card, 'on')
  }
  context.routedPeers = undefined
}

/**
 * Tells the switch the way to each peer: by the underlay, over the same gateway as the kernel would take. Looked at again
 * when the peers change and with `verify`, since the kernel's routes may have changed.
 */
export async function routeTunnels(
  context: OvsContext,
  peers: readonly string[],
  verify: boolean,
): Promise<void> {
  const underlay = context.prepared.tunnel?.underlay
  if (!underlay || context.datapath !== 'netdev') return
  const known = context.routedPeers
  if (known && !verify && known.size === peers.length && peers.every((peer) => known.has(peer))) return
  const wanted = new Map<string, string>()
  for (const peer of peers) wanted.set(peer, (await context.host.gatewayTo(peer)) ?? '')
  // The daemon may have ways from an agent before this one.
  const held =
    known && !verify ? known : toldPeers(await appctl(context, ['ovs/route/show']), underlay.bridge)
  for (const [peer, gateway] of held)
    if (wanted.get(peer) !== gateway) await appctl(context, ['ovs/route/del', `${peer}/32`])
  for (const [peer, gateway] of wanted)
    if (held.get(peer) !== gateway)
      await appctl(context, [
        'ovs/route/add',
        `${peer}/32`,
        underlay.bridge,
        ...(gateway === '' ? [] : [gateway]),
      ])
  context.routedPeers = wanted
}

/** From lines like 'User: 10.9.0.2/32 dev br-phy GW 10.9.0.254 SRC 10.9.0.1'. The gateway is empty where there is none. */
export function toldPeers(shown: string, bridge: string): Map<string, string> {
  const found = [...shown.matchAll(/^User: (\S+)\/32 dev (\S+)(?: GW (\S+))?/gm)]
  return new Map(found.filter((line) => line[2] === bridge).map((line) => [line[1]!, line[3] ?? '']))
}

async function cardOf(context: OvsContext, { localIp, underlay }: Underlay): Promise<Card> {
  if (localIp.includes(':'))
    throw new CloudError(
      'badRequest',
      `Tunnels from ${localIp} need Open vSwitch in the kernel: set an IPv4 address`,
    )
  const cards = (await context.host.cards()).filter(
    ({ name, address }) => address === localIp && name !== underlay.bridge,
  )
  const card = underlay.card === undefined ? cards[0] : cards.find(({ name }) => name === underlay.card)
  if (card) return card
  // Not a mistake for good: a machine that is just starting may get its address a moment later.
  throw new CloudError(
    'unavailable',
    underlay.card === undefined
      ? `No card of this host has the address ${localIp}, from which tunnels are to be sent`
      : `The card '${underlay.card}' of this host doesn't have the address ${localIp}, from which tunnels are to be sent`,
  )
}

function refuseForeignPort(context: OvsContext, bridge: string, card: string): void {
  const taken = context.switch.ports().find((port) => port.name === card && port.bridge !== bridge)
  if (taken)
    throw new CloudError(
      'conflict',
      `The card '${card}' is a port of the bridge '${taken.bridge}' already: another cloud on this host sends its tunnels there`,
    )
}

/** The kernel hears tunnels, too, and would answer that nobody listens. */
async function hideTunnels(context: OvsContext, card: string, { localIp, types }: Underlay): Promise<void> {
  const table = tableName(context)
  const to = `iifname "${card}" ip daddr ${localIp}`
  await nft(context, [
    `table inet ${table}`,
    `delete table inet ${table}`,
    `table inet ${table} {`,
    '  chain prerouting {',
    '    type filter hook prerouting priority raw; policy accept;',
    ...(types.includes('vxlan') ? [`    ${to} udp dport 4789 drop`] : []),
    ...(types.includes('gre') ? [`    ${to} ip protocol gre drop`] : []),
    '  }',
    '}',
  ])
}

function tableName({ names }: OvsContext): string {
  return `nimbo-underlay${names.integration.slice('br-int'.length)}`
}

async function nft(context: OvsContext, lines: readonly string[]): Promise<void> {
  await context.host.runHere('nft', ['-f', '-'], { input: `${lines.join('\n')}\n` })
}

/** 'on' or 'off'; 'off' too where the card has no such thing. */
async function receiveOffload(context: OvsContext, card: string): Promise<'on' | 'off'> {
  const { stdout } = await context.host.runHere('ethtool', ['-k', card])
  return /^generic-receive-offload: on$/m.test(stdout) ? 'on' : 'off'
}

async function setReceiveOffload(context: OvsContext, card: string, state: 'on' | 'off'): Promise<void> {
  if ((await receiveOffload(context, card)) !== state)
    await context.host.runHere('ethtool', ['-K', card, 'gro', state])
}

async function appctl(context: OvsContext, words: readonly string[]): Promise<string> {
  const args = ['-t', `${context.places.runFolder}/ovs-vswitchd.ctl`, ...words]
  return (await context.host.run('ovs-appctl', args)).stdout
}

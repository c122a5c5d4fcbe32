// Removes every trace of one cloud's networks from the host, found by our tags alone; what is others' stays.
import { cloudTag, type OvsContext, portOfAlias } from './context.ts'
import { listNamespaces, removeNamespace } from './namespace.ts'
import { ourPorts, unplugPorts } from './port.ts'
import { stopOpenVswitch } from './service.ts'
import { removeUnderlay } from './underlay.ts'

export async function destroyWiring(context: OvsContext): Promise<void> {
  for (const name of await listNamespaces(context)) await removeNamespace(context, name)
  await unplugPorts(
    context,
    ourPorts(context).map((row) => row.ids['iface-id']!),
  )
  const devices = (await context.host.links()).filter(
    (link) => portOfAlias(context, link.alias) !== undefined,
  )
  await context.host.ipBatch(devices.map((link) => `link del dev ${link.name}`))

  const bridges = context.switch.bridges()
  const ours = bridges.filter((bridge) => bridge.ids[cloudTag] === context.cloudId)
  const shared = new Set(bridges.filter((bridge) => !ours.includes(bridge)).map((bridge) => bridge.name))
  const guests = context.switch
    .ports()
    .filter((row) => row.ids[cloudTag] === context.cloudId && shared.has(row.bridge))
  await context.switch.removePorts(guests.map((row) => row.name))
  for (const name of shared) {
    if (!Object.values(context.prepared.physicalNetworks).some(({ bridge }) => bridge === name)) continue
    const socket = `unix:${context.places.runFolder}/${name}.mgmt`
    await context.host.run('ovs-ofctl', [
      '-O',
      'OpenFlow14',
      'del-flows',
      socket,
      `cookie=${context.cookie}/-1`,
    ])
  }
  await removeUnderlay(context)
  await context.switch.removeBridges(ours.map((bridge) => bridge.name))
  context.applied.clear()
  await context.world.files.removeTree(context.stateFolder)
  const left = context.switch.bridges().length
  if (left === 0) {
    context.switch.close()
    await stopOpenVswitch(context.host, context.places)
  }
}

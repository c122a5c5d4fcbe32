// What the kernel can do for networks, tried out in a namespace that is thrown away with all that was made in it.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import type { Finding } from './doctor.ts'

/** Devices that cannot be done without, and the arguments of `ip` that make one. */
const devices: Record<string, readonly string[]> = {
  veth: ['link', 'add', 'probe0', 'type', 'veth', 'peer', 'name', 'probe1'],
  bridge: ['link', 'add', 'probe2', 'type', 'bridge'],
  tap: ['tuntap', 'add', 'probe3', 'mode', 'tap'],
}

export async function kernelFindings(world: World, isRoot: boolean): Promise<Finding[]> {
  const tun = await world.files.exists('/dev/net/tun')
  if (!tun) {
    return [
      {
        check: 'kernel',
        state: 'problem',
        text: 'There is no /dev/net/tun: guests would have no network card.',
        remedy: "Load the module with 'modprobe tun'; in a container, start it with --device /dev/net/tun.",
      },
    ]
  }
  if (!isRoot) return []
  try {
    return [...(await tryDevices(world)), await datapath(world)]
  } catch (error) {
    // Without iproute2 there is nothing to try with; the packages' finding says so.
    if (error instanceof CloudError && error.type === 'MissingProgram') return []
    throw error
  }
}

async function tryDevices(world: World): Promise<Finding[]> {
  const namespace = `nimbo-doctor-${world.random.hexId().slice(0, 8)}`
  const made = await world.processes.run('ip', ['netns', 'add', namespace])
  if (made.code !== 0) {
    return [
      {
        check: 'kernel',
        state: 'problem',
        text: `Network namespaces can't be made: ${made.stderr.trim()}.`,
        remedy: 'In a container, start it with --privileged (or the capabilities SYS_ADMIN and NET_ADMIN).',
      },
    ]
  }
  try {
    const lacking: string[] = []
    for (const [name, args] of Object.entries(devices)) {
      const result = await world.processes.run('ip', ['-n', namespace, ...args])
      if (result.code !== 0) lacking.push(name)
    }
    const filter = await world.processes
      .run('ip', ['netns', 'exec', namespace, 'nft', 'add', 'table', 'ip', 'probe'])
      .catch(() => undefined)
    if (filter && filter.code !== 0 && !/No such file.*nft|exec of "nft" failed/.test(filter.stderr))
      lacking.push('nftables')
    if (lacking.length === 0)
      return [
        { check: 'kernel', state: 'ok', text: 'network namespaces, veth, bridge, tap and nftables work' },
      ]
    return [
      {
        check: 'kernel',
        state: 'problem',
        text: `The kernel lacks: ${lacking.join(', ')}.`,
        remedy:
          "Load the modules ('modprobe veth bridge tun nf_tables nf_nat'), or use a distribution's kernel.",
      },
    ]
  } finally {
    await world.processes.run('ip', ['netns', 'delete', namespace])
  }
}

/** Open vSwitch forwards in the kernel where it has the module, else in its own process. */
async function datapath(world: World): Promise<Finding> {
  const loaded = await world.files.exists('/sys/module/openvswitch')
  const known =
    loaded ||
    (await world.processes.run('modprobe', ['-n', '-q', 'openvswitch']).catch(() => ({ code: 1 }))).code === 0
  return {
    check: 'datapath',
    state: 'ok',
    text: known
      ? 'Open vSwitch forwards in the kernel'
      : 'Open vSwitch forwards in its own process: this kernel has no openvswitch module',
  }
}

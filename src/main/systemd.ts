// Units for hosts that have systemd: it takes the supervisors' place there.

import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import type { Cloud } from './data-folder.ts'
import { type Program, type Role, roleCommand, roles, rolesOf } from './role.ts'

export function unitName(role: Role): string {
  return `nimbo-${role}.service`
}

/**
 * Guests and their networks' servers are in the agent's control group, but outlive it and are adopted again by the next:
 * `KillMode=process` ends none of them, `OOMPolicy=continue` lets the kernel end one without an end of the agent, and
 * systemd's limit of tasks, made for one service, must not count theirs.
 */
export function unitText(role: Role, command: readonly string[]): string {
  const network =
    role === 'agent' ? 'openvswitch-switch.service nimbo-controller.service' : 'network-online.target'
  return [
    '[Unit]',
    `Description=Nimbo ${role}`,
    `After=${network}`,
    'Wants=network-online.target',
    '',
    '[Service]',
    `ExecStart=${command.map(quoted).join(' ')}`,
    'Restart=always',
    'RestartSec=1',
    'RestartPreventExitStatus=78',
    'KillMode=process',
    'OOMPolicy=continue',
    'TasksMax=infinity',
    'TimeoutStopSec=30',
    'LimitNOFILE=65536',
    'UMask=0077',
    '',
    '[Install]',
    'WantedBy=multi-user.target',
    '',
  ].join('\n')
}

/** Returns the paths that it wrote. */
export async function installUnits(
  world: World,
  cloud: Cloud,
  program: Program,
  folder: string,
): Promise<string[]> {
  if (!(await world.files.exists(folder))) {
    throw new CloudError('notFound', `There is no folder ${folder}: is systemd installed here?`)
  }
  const paths: string[] = []
  for (const role of rolesOf(cloud)) {
    const path = `${folder}/${unitName(role)}`
    await world.files.writeAtomic(path, unitText(role, roleCommand(program, cloud, role)), { mode: 0o644 })
    paths.push(path)
  }
  return paths
}

/** Stops the units of this cloud, where systemd runs them: else it would start again what `down` ends. */
export async function stopUnits(world: World, root: string, folder = '/etc/systemd/system'): Promise<void> {
  if (!(await world.files.exists('/run/systemd/system'))) return
  for (const role of [...roles].reverse()) {
    const path = `${folder}/${unitName(role)}`
    const ours =
      (await world.files.exists(path)) && (await world.files.readText(path)).includes(`--data ${root}\n`)
    if (!ours) continue
    const active = await world.processes.run('systemctl', ['is-active', '--quiet', unitName(role)])
    if (active.code === 0)
      await world.processes.run('systemctl', ['stop', unitName(role)], { timeoutMs: 60_000 })
  }
}

/** systemd splits at blanks and expands % and $. */
function quoted(word: string): string {
  const escaped = word.replaceAll('%', '%%').replaceAll('$', '$$$$')
  return /[\s"'\\]/.test(escaped) ? `"${escaped.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"` : escaped
}

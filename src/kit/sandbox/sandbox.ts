// Runs a tool on bytes that a stranger made: bounded memory, processor time and file size, an empty environment, no
// network, and as nobody where we are root. What it may see is one folder.
import type { RunResult, World } from '../world/world.ts'

export type SandboxLimits = {
  /** Of addresses; tools with threads reserve far more than they use. */
  memoryBytes: number
  cpuSeconds: number
  /** Of any file that it writes. */
  fileBytes: number
  /** Of time on the wall; the tool is killed then, kind 'timeout'. */
  timeoutMs: number
}

/** How far apart from the host the tool can be put: 'root' and 'user' by namespaces, 'none' by limits alone. */
export type Isolation = 'root' | 'user' | 'none'

/** `nobody` and its group on Debian. */
export const nobody = { uid: 65_534, gid: 65_534 }

/** The whole command line. `folder` is absolute, and where the command runs: it names files in it alone. */
export function sandboxCommand(
  isolation: Isolation,
  folder: string,
  command: readonly string[],
  limits: SandboxLimits,
): [string, ...string[]] {
  const bounded: [string, ...string[]] = [
    'prlimit',
    `--as=${limits.memoryBytes}`,
    `--cpu=${limits.cpuSeconds}`,
    `--fsize=${limits.fileBytes}`,
    '--core=0',
    '--nofile=256',
    '--',
  ]
  if (isolation === 'none') return [...bounded, ...command]
  const apart = ['unshare', '--net', '--ipc', '--uts']
  if (isolation === 'user') return [...bounded, ...apart, '--map-current-user', '--', ...command]
  // The data folder is closed to nobody; its one part that the tool needs is mounted where nobody can go.
  const enter = 'mount --bind "$0" /mnt && cd /mnt && exec setpriv "$@"'
  const powerless = [
    `--reuid=${nobody.uid}`,
    `--regid=${nobody.gid}`,
    '--clear-groups',
    '--no-new-privs',
    '--inh-caps=-all',
    '--bounding-set=-all',
    '--',
  ]
  return [
    ...bounded,
    ...apart,
    ...['--mount', '--pid', '--fork', '--kill-child', '--', 'sh', '-c', enter, folder],
    ...powerless,
    ...command,
  ]
}

export type Sandbox = {
  readonly isolation: Isolation
  /** Files of the folder must be readable, and the folder writable, for `owner` where there is one. */
  readonly owner: { uid: number; gid: number } | undefined
  run(folder: string, command: readonly string[], limits: SandboxLimits): Promise<RunResult>
}

export async function openSandbox(world: World): Promise<Sandbox> {
  const isolation = await isolationHere(world)
  return {
    isolation,
    owner: isolation === 'root' ? nobody : undefined,
    run(folder, command, limits) {
      const [program, ...args] = sandboxCommand(isolation, folder, command, limits)
      const cwd = isolation === 'root' ? '/' : folder
      return world.processes.run(program, args, { env: {}, cwd, timeoutMs: limits.timeoutMs })
    },
  }
}

/** Containers often may not make namespaces, root or not. */
async function isolationHere({ files, processes }: World): Promise<Isolation> {
  const root = (await files.info('/proc/self'))?.uid === 0
  const works = async (args: string[]) =>
    (await processes.run('unshare', [...args, '--', 'true'], { env: {} })).code === 0
  if (root && (await works(['--net', '--ipc', '--uts', '--mount', '--pid', '--fork']))) return 'root'
  return (await works(['--net', '--ipc', '--uts', '--map-current-user'])) ? 'user' : 'none'
}

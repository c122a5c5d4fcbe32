// Network namespaces of the DHCP and L3 agents. A file is written before a namespace is made: namespaces carry no tags.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { RunOptions, StartOptions } from '#kit/world/world.ts'
import type { OvsContext } from './context.ts'
import { ourPorts, unplugPorts } from './port.ts'

/** How long a process may take to end before it is killed. */
const patienceMs = 3000

export async function ensureNamespace(context: OvsContext, name: string): Promise<void> {
  if (!/^[A-Za-z0-9._-]{1,200}$/.test(name))
    throw new CloudError('badRequest', `'${name}' can't be the name of a network namespace`)
  const { files } = context.world
  await files.makeFolder(folder(context))
  await files.write(`${folder(context)}/${name}`, '')
  if (!(await exists(context, name))) await context.host.run('ip', ['netns', 'add', name])
  await context.host.ipBatch(['link set dev lo up'], name)
}

export async function listNamespaces(context: OvsContext): Promise<string[]> {
  const { files } = context.world
  if (!(await files.exists(folder(context)))) return []
  return (await files.list(folder(context))).sort()
}

export async function removeNamespace(context: OvsContext, name: string): Promise<void> {
  const { files } = context.world
  if (await exists(context, name)) {
    await endProcesses(context, name)
    const ports = ourPorts(context).filter((row) => row.ids['nimbo-namespace'] === name)
    await unplugPorts(
      context,
      ports.map((row) => row.ids['iface-id']!),
    )
    await context.host.run('ip', ['netns', 'del', name])
  }
  await files.remove(`${folder(context)}/${name}`)
}

export async function runIn(
  context: OvsContext,
  namespace: string,
  command: string,
  args: readonly string[],
  options?: RunOptions,
) {
  await needNamespace(context, namespace)
  return context.world.processes.run(...context.host.inside(namespace, command, args), options)
}

export async function startIn(
  context: OvsContext,
  namespace: string,
  command: string,
  args: readonly string[],
  options?: StartOptions,
) {
  await needNamespace(context, namespace)
  return context.world.processes.start(...context.host.inside(namespace, command, args), options)
}

async function needNamespace(context: OvsContext, name: string): Promise<void> {
  if (!(await exists(context, name)))
    throw new CloudError('notFound', `There is no network namespace '${name}'`)
}

function exists(context: OvsContext, name: string): Promise<boolean> {
  return context.world.files.exists(`/run/netns/${name}`)
}

function folder(context: OvsContext): string {
  return `${context.stateFolder}/namespaces`
}

/** Ours are those whose command line names our data folder; an operator's shell in there is left alone. */
async function endProcesses(context: OvsContext, namespace: string): Promise<void> {
  const { processes, timers } = context.world
  const listed = await context.host.run('ip', ['netns', 'pids', namespace])
  const ours: number[] = []
  for (const pid of listed.stdout.split('\n').filter(Boolean).map(Number)) {
    const info = await processes.info(pid)
    if (info?.command.some((word) => word.includes(context.dataFolder))) ours.push(pid)
    else if (info)
      context.log.warn({ namespace, pid, command: info.command }, 'a process that is not ours stays')
  }
  for (const pid of ours) processes.signal(pid, 'SIGTERM')
  for (let waited = 0; waited < patienceMs && ours.some(processes.alive); waited += 20) await timers.sleep(20)
  for (const pid of ours) if (processes.alive(pid)) processes.signal(pid, 'SIGKILL')
}

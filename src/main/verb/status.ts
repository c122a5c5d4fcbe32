// `nimbo status`: what runs, how much memory it takes, where it answers, where its files are.
import { columns, paint, type Terminal } from '#cli/terminal.ts'
import type { World } from '#kit/world/world.ts'
import { publicOrigin, usesTls } from '../api.ts'
import { plainBusAddress } from '../controller-access.ts'
import { loginOf } from '../credential.ts'
import { type Cloud, readCloud } from '../data-folder.ts'
import { readProgress } from '../first-cloud.ts'
import { simulatedHosts } from '../host-kind.ts'
import type { Member } from '../member.ts'
import type { PortName } from '../port.ts'
import { type Role, roleState, rolesOf } from '../role.ts'
import type { Verb } from '../verb.ts'

export const status: Verb = {
  summary: 'Tells what runs, where it answers and where its files are',
  options: { json: { type: 'boolean', help: 'For programs' } },
  async run({ world, terminal, root, options }) {
    const cloud = await readCloud(world, root)
    const states = await Promise.all(rolesOf(cloud).map((role) => stateOf(world, cloud, role)))
    if (cloud.member) return showMember(terminal, cloud, cloud.member, states, options.json === true)
    const report = reportOf(cloud, states, (await readProgress(world, cloud)).demo)
    if (options.json) terminal.print(JSON.stringify(report, null, 2))
    else for (const line of formatReport(report, terminal.colors)) terminal.print(line)
    // As with services elsewhere: 3 says that it isn't running.
    return report.running ? 0 : 3
  },
}

export type Report = ReturnType<typeof reportOf>
type State = Awaited<ReturnType<typeof stateOf>>

async function stateOf(world: World, cloud: Cloud, role: Role) {
  const state = await roleState(world, cloud.folder, role)
  const memory = async (process: { pid: number } | undefined) =>
    process && world.processes.memory(process.pid)
  const { process, supervisor } = state
  return {
    ...state,
    memoryBytes: await memory(process),
    supervisor: supervisor && { pid: supervisor.pid, memoryBytes: await memory(supervisor) },
  }
}

function processOf(state: State) {
  return {
    role: state.role,
    running: state.process !== undefined,
    pid: state.process?.pid,
    memoryBytes: state.memoryBytes,
    uptimeSeconds: state.uptimeSeconds === undefined ? undefined : Math.round(state.uptimeSeconds),
    supervisor: state.supervisor,
    log: state.log,
  }
}

/** A host that joined a cloud has one process, and all else is on the controller. */
function showMember(
  terminal: Terminal,
  { folder, settings }: Cloud,
  { host, controller }: Member,
  states: readonly State[],
  json: boolean,
): number {
  const processes = states.map(processOf)
  const running = processes.every((each) => each.running)
  const { dataPlane } = settings
  const paths = { data: folder.root, config: folder.config, logs: folder.log }
  if (json)
    terminal.print(JSON.stringify({ running, host, controller, dataPlane, processes, paths }, null, 2))
  else {
    const what = `Host ${host} of the cloud of ${controller} is ${running ? 'running' : 'not running'}.`
    terminal.print(paint(terminal, running ? 'green' : 'yellow', what))
    const rows = [...formatProcesses(processes), '', ...columns(Object.entries(paths))]
    for (const line of ['', ...rows]) terminal.print(line && `  ${line}`)
  }
  return running ? 0 : 3
}

function reportOf(cloud: Cloud, states: readonly State[], demo: unknown) {
  const { folder, settings, ports } = cloud
  const at = (name: PortName, path = '') => publicOrigin(cloud, name) + path
  return {
    running: states.every((state) => state.process !== undefined),
    dataPlane: settings.dataPlane,
    hosts: settings.dataPlane === 'sim' ? simulatedHosts(settings).length : 1,
    region: settings.region,
    processes: states.map(processOf),
    endpoints: {
      identity: loginOf(cloud, 'admin').authUrl,
      image: at('image'),
      placement: at('placement'),
      compute: at('compute', '/v2.1'),
      metadata: at('metadata'),
      network: at('network'),
      volume: at('volume', '/v3'),
      console: at('console'),
      journal: at('journal'),
      hosts: at('hosts'),
      // A RabbitMQ of the operator's is no endpoint of ours.
      ...(settings.transportUrl === undefined &&
        settings.transportUrlFile === undefined && {
          messageBus: `amqp://${plainBusAddress(settings)}:${ports.amqp}`,
          ...(usesTls(settings) && { messageBusOfHosts: `amqps://${settings.publicHost}:${ports.amqpTls}` }),
          ...(settings.busManagement && { management: at('amqpManagement') }),
        }),
    },
    demo,
    paths: {
      data: folder.root,
      config: folder.config,
      adminOpenrc: folder.adminRc,
      demoOpenrc: folder.demoRc,
      cloudsYaml: folder.cloudsYaml,
      demoKey: folder.demoKey,
      logs: folder.log,
    },
  }
}

function formatProcesses(processes: readonly ReturnType<typeof processOf>[]): string[] {
  return columns(
    processes.map((each) => [
      each.role,
      each.running ? 'running' : each.supervisor ? 'starting again' : 'down',
      each.pid === undefined ? '' : `pid ${each.pid}`,
      each.memoryBytes === undefined ? '' : `${(each.memoryBytes / 1024 / 1024).toFixed(0)} MiB`,
      each.uptimeSeconds === undefined ? '' : `for ${duration(each.uptimeSeconds)}`,
    ]),
  )
}

function formatReport(report: Report, colors: boolean): string[] {
  const kind = report.dataPlane === 'sim' ? `${report.hosts} simulated hosts` : 'real guests'
  return [
    paint(
      { colors },
      report.running ? 'green' : 'yellow',
      `The cloud is ${report.running ? 'running' : 'not running'} (${kind}).`,
    ),
    '',
    ...formatProcesses(report.processes).map((line) => `  ${line}`),
    '',
    ...columns(Object.entries(report.endpoints)).map((line) => `  ${line}`),
    '',
    ...columns(Object.entries(report.paths)).map((line) => `  ${line}`),
  ]
}

function duration(seconds: number): string {
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`
}

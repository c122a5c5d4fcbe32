// `nimbo status`: what runs, how much memory it takes, where it answers, where its files are.
import { columns, paint } from '#cli/terminal.ts'
import type { World } from '#kit/world/world.ts'
import { publicOrigin } from '../api.ts'
import { loginOf } from '../credential.ts'
import { type Cloud, readCloud } from '../data-folder.ts'
import { readProgress } from '../first-cloud.ts'
import type { PortName } from '../port.ts'
import { type Role, roleState, roles } from '../role.ts'
import type { Verb } from '../verb.ts'

export const status: Verb = {
  summary: 'Tells what runs, where it answers and where its files are',
  options: { json: { type: 'boolean', help: 'For programs' } },
  async run({ world, terminal, root, options }) {
    const cloud = await readCloud(world, root)
    const states = await Promise.all(roles.map((role) => stateOf(world, cloud, role)))
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

function reportOf(cloud: Cloud, states: readonly State[], demo: unknown) {
  const { folder, settings, ports } = cloud
  const at = (name: PortName, path = '') => publicOrigin(cloud, name) + path
  return {
    running: states.every((state) => state.process !== undefined),
    dataPlane: settings.dataPlane,
    hosts: settings.dataPlane === 'sim' ? settings.hosts : 1,
    region: settings.region,
    processes: states.map((state) => ({
      role: state.role,
      running: state.process !== undefined,
      pid: state.process?.pid,
      memoryBytes: state.memoryBytes,
      uptimeSeconds: state.uptimeSeconds === undefined ? undefined : Math.round(state.uptimeSeconds),
      supervisor: state.supervisor,
      log: state.log,
    })),
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
      messageBus: `amqp://${settings.publicHost}:${ports.amqp}`,
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

function formatReport(report: Report, colors: boolean): string[] {
  const processes = report.processes.map((each) => [
    each.role,
    each.running ? 'running' : each.supervisor ? 'starting again' : 'down',
    each.pid === undefined ? '' : `pid ${each.pid}`,
    each.memoryBytes === undefined ? '' : `${(each.memoryBytes / 1024 / 1024).toFixed(0)} MiB`,
    each.uptimeSeconds === undefined ? '' : `for ${duration(each.uptimeSeconds)}`,
  ])
  const kind = report.dataPlane === 'sim' ? `${report.hosts} simulated hosts` : 'real guests'
  return [
    paint(
      { colors },
      report.running ? 'green' : 'yellow',
      `The cloud is ${report.running ? 'running' : 'not running'} (${kind}).`,
    ),
    '',
    ...columns(processes).map((line) => `  ${line}`),
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

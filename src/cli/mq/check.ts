// Checks for monitors, and waiting for the broker.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type Api, at } from './api.ts'
import { mqError } from './exit.ts'
import { type Node, nodeName } from './node-view.ts'
import type { Answer } from './output.ts'
import type { Call, MqVerb } from './verb.ts'

const monitoring = 'Monitoring, observability and health checks'

/** 503 is the answer of a check that failed; its reason says which part. */
async function check(api: Api, path: string, passed: string): Promise<Answer> {
  try {
    await api.get(path)
  } catch (error) {
    if (!(error instanceof CloudError) || error.kind !== 'unavailable') throw error
    throw mqError('unavailable', error.message)
  }
  return { lines: [passed] }
}

/** Until the node answers and says that it serves clients. */
async function awaitStartup({ api, world, options }: Call): Promise<void> {
  const seconds = Number(options.timeout ?? 300)
  const deadline = world.clock.monotonic() + seconds * 1000
  for (;;) {
    const problem = await notYet(api)
    if (!problem) return
    if (world.clock.monotonic() >= deadline)
      throw mqError('unavailable', `The broker did not start within ${seconds} s: ${problem}`)
    await world.timers.sleep(200)
  }
}

async function notYet(api: Api): Promise<string | undefined> {
  try {
    const nodes = await api.get<Node[]>('nodes')
    return nodes.some((node) => node.running !== false) ? undefined : 'its application is stopped'
  } catch (error) {
    if (!(error instanceof CloudError) || error.kind === 'unauthorized') throw error
    return error.message
  }
}

export const checkVerbs: Record<string, MqVerb> = {
  ping: {
    group: monitoring,
    summary: 'Checks that the broker answers and lets us in',
    usage: '',
    words: [0, 0],
    async run({ api, info }) {
      info(`Will ping ${api.login.url}.`)
      await api.get('whoami')
      return { lines: ['Ping succeeded'] }
    },
  },
  check_running: {
    group: monitoring,
    summary: 'Fails unless the broker serves clients',
    usage: '',
    words: [0, 0],
    async run({ api }) {
      const problem = await notYet(api)
      if (problem) throw mqError('unavailable', problem)
      return { lines: ['The broker is running'] }
    },
  },
  check_alarms: {
    group: monitoring,
    summary: 'Fails where an alarm is in effect anywhere in the cluster',
    usage: '',
    words: [0, 0],
    run: ({ api }) => check(api, 'health/checks/alarms', 'No alarms'),
  },
  check_local_alarms: {
    group: monitoring,
    summary: 'Fails where an alarm is in effect on this node',
    usage: '',
    words: [0, 0],
    run: ({ api }) => check(api, 'health/checks/local-alarms', 'No alarms on this node'),
  },
  check_port_listener: {
    group: monitoring,
    summary: 'Fails unless something listens at the port',
    usage: '<port>',
    words: [1, 1],
    run: ({ api, words: [port] }) =>
      check(api, at`health/checks/port-listener/${port!}`, `A listener for port ${port} is running`),
  },
  check_virtual_hosts: {
    group: monitoring,
    summary: 'Fails where a virtual host is not running',
    usage: '',
    words: [0, 0],
    run: ({ api }) => check(api, 'health/checks/virtual-hosts', 'All virtual hosts are running'),
  },
  node_health_check: {
    group: monitoring,
    summary: 'The checks above in one',
    usage: '',
    words: [0, 0],
    async run({ api, info }) {
      info(`Checking health of node ${await nodeName(api)} ...`)
      await check(api, 'health/checks/local-alarms', '')
      return check(api, 'health/checks/virtual-hosts', 'Health check passed')
    },
  },
  await_startup: {
    group: 'Nodes',
    summary: 'Waits until the broker serves clients',
    usage: '[--timeout <seconds>]',
    words: [0, 0],
    async run(call) {
      await awaitStartup(call)
      return undefined
    },
  },
  wait: {
    group: 'Nodes',
    summary: 'As await_startup; a process id may be given and is not needed',
    usage: '[<pidfile>] [--pid|-P <pid>] [--timeout <seconds>]',
    words: [0, 1],
    options: { pid: { type: 'string', short: 'P' } },
    async run(call) {
      call.info(`Waiting for the broker at ${call.api.login.url}`)
      await awaitStartup(call)
      call.info('The broker is running')
      return undefined
    },
  },
}

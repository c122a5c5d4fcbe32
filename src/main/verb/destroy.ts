// `nimbo destroy`: removes every trace of a cloud from this machine.
import type { Terminal } from '#cli/terminal.ts'
import { CloudError, fullMessage } from '#kit/errors/cloud-error.ts'
import { httpClient } from '#kit/http/client.ts'
import type { ProcessInfo, World } from '#kit/world/world.ts'
import { clearBus } from '../bus-clearance.ts'
import { type Cloud, readCloud } from '../data-folder.ts'
import { serverUrls, showUrl } from '../database.ts'
import { withLock } from '../lock.ts'
import { asMember } from '../member-session.ts'
import { endProcess } from '../role.ts'
import { externalBroker } from '../transport.ts'
import type { Verb } from '../verb.ts'
import { stopCloud } from './down.ts'

const leaveMs = 60_000
const patienceMs = 5_000
/** Programs that the agents start; only those whose arguments name this cloud's folder are ended. */
const startedByAgents = ['qemu-system-', 'dnsmasq', 'haproxy', 'ovsdb-server', 'ovs-vswitchd', 'swtpm']

export const destroy: Verb = {
  summary: 'Removes the cloud with its guests, networks and files',
  options: {
    yes: { type: 'boolean', short: 'y', help: "Don't ask" },
    force: {
      type: 'boolean',
      help: 'On a joined host: also while it has servers, or the controller is out of reach',
    },
  },
  async run({ world, terminal, root, options }) {
    const cloud = await readCloud(world, root).catch(ifHalfJoined)
    if (!cloud) {
      // Nothing runs there yet, and nothing but files was made.
      await world.files.removeTree(root)
      terminal.print(`What was left of joining in ${root} is gone.`)
      return 0
    }
    const what = cloud.member ? `this host of the cloud of ${cloud.member.controller}` : 'the cloud'
    if (!options.yes) {
      if (!terminal.ask)
        throw new CloudError('badRequest', `Say --yes: this removes all guests and data in ${root}.`, {
          type: 'Usage',
        })
      const answer = await terminal.ask(
        `Remove ${what} in ${root} with all its guests and data? Type 'yes': `,
      )
      if (answer.trim() !== 'yes') {
        terminal.print('Nothing was changed.')
        return 1
      }
    }
    await withLock(world, cloud.folder, 'destroy', async () => {
      if (cloud.member) await leave(world, terminal, cloud, options.force === true)
      await stopCloud(world, cloud.folder)
      const { destroyHost } = await import('../agent.ts')
      await destroyHost(world, cloud)
      for (const left of await leftovers(world, root)) await endProcess(world, left.pid, 3_000)
      if (!cloud.member) await leaveBroker(world, terminal, cloud)
    })
    const databases = cloud.member ? undefined : await serverUrls(world, cloud.settings)
    await world.files.removeTree(root)
    if (databases)
      terminal.print(`Its databases stay where they are: ${Object.values(databases).map(showUrl).join(' ')}`)
    terminal.print(
      cloud.member ? `${cloud.member.host} has left, and ${root} is gone.` : `The cloud in ${root} is gone.`,
    )
    return 0
  },
}

function ifHalfJoined(error: unknown): undefined {
  if (error instanceof CloudError && error.type === 'HalfJoined') return undefined
  throw error
}

/** The cloud is told first: it may have servers here that it won't give up. */
async function leave(world: World, terminal: Terminal, cloud: Cloud, force: boolean): Promise<void> {
  try {
    await asMember(
      world,
      cloud,
      ({ controller, host, trace }) => controller.leave({ host, force }, { trace, timeoutMs: leaveMs }),
      patienceMs,
    )
  } catch (error) {
    if (!(error instanceof CloudError)) throw error
    if (!force) {
      const { host, controller } = cloud.member!
      const wayOut =
        error.type === 'HostInUse'
          ? ''
          : `. With --force it goes all the same; 'nimbo host remove ${host}' on the controller ends its membership.`
      throw new CloudError(
        error.kind,
        `${host} can't leave the cloud of ${controller}: ${fullMessage(error)}${wayOut}`,
      )
    }
    terminal.say(`The controller was not told: ${fullMessage(error)}`)
  }
}

/** A broker of the operator's. What can't be taken away there is told: the cloud goes all the same. */
async function leaveBroker(world: World, terminal: Terminal, { settings }: Cloud): Promise<void> {
  const external = await externalBroker(world, settings)
  if (!external) return
  const { transport, management, authority } = external
  const where = `virtual host ${transport.vhost} of the message broker`
  if (!management) {
    terminal.print(
      `Its queues stay in ${where}: without cloud.transport_management_url they can't be removed.`,
    )
    return
  }
  const http = httpClient({ ca: authority })
  try {
    const { users, queues } = await clearBus(world, { http, ...management }, transport.vhost)
    terminal.print(`${users.length} users of hosts and ${queues.length} queues are gone from ${where}.`)
  } catch (error) {
    if (!(error instanceof CloudError)) throw error
    terminal.say(`Its users and queues may be left in ${where}: ${fullMessage(error)}`)
  } finally {
    http.close()
  }
}

/** What should have ended with its guest or network and didn't. */
async function leftovers(world: World, root: string): Promise<ProcessInfo[]> {
  const found = await world.processes.find([`${root}/`])
  return found.filter(({ command }) => {
    const program = command[0]!.slice(command[0]!.lastIndexOf('/') + 1)
    return startedByAgents.some((name) => program.startsWith(name))
  })
}

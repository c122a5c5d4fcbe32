// Programs in simulated namespaces. dnsmasq and haproxy are simulated from the command lines and files that the agents
// wrote; of any other program only its being there is known.

import type { Duplex } from 'node:stream'
import type { DhcpMessage, DhcpReply, RouterAdvertisement } from '#contracts/simulated-card.ts'
import { fullMessage } from '#kit/errors/cloud-error.ts'
import type { Exit, StartedProcess, StartOptions } from '#kit/world/world.ts'
import { startDnsmasq } from './dnsmasq.ts'
import { startHaproxy } from './haproxy.ts'
import type { SimHost, SimNamespace, SimPort } from './state.ts'

/** What a running program does for others. */
export type Program = {
  dhcp?(device: SimPort, mac: string, message: DhcpMessage): DhcpReply | undefined
  advertisements?(device: SimPort): RouterAdvertisement[]
  /** Undefined where it doesn't listen on the port. */
  accept?(port: number): ((connection: Duplex, from: string) => void) | undefined
  /** SIGHUP. */
  reload?(): Promise<void>
}

export type ProgramPlace = {
  host: SimHost
  namespace: SimNamespace
  args: readonly string[]
  /** True until the process ends. */
  alive(): boolean
}

export type SimProcess = {
  pid: number
  command: string
  args: string[]
  signals: string[]
  /** Undefined until it has read its files, and for programs that aren't simulated. */
  program: Program | undefined
  /** Into its log. */
  complain(error: unknown): Promise<void>
  end(exit: Exit): void
}

/** Reads its configuration; rejects where the real program would end with a complaint. */
const programs: Record<string, (place: ProgramPlace) => Promise<Program>> = {
  dnsmasq: startDnsmasq,
  haproxy: startHaproxy,
  listen: async ({ args }) => ({
    accept: (port) => (args.includes(String(port)) ? (connection) => void connection.resume() : undefined),
  }),
}

export function startProcess(
  host: SimHost,
  namespace: SimNamespace,
  command: string,
  args: readonly string[],
  options: StartOptions = {},
): StartedProcess {
  const pid = host.nextPid++
  let finish: (exit: Exit) => void = () => {}
  const exited = new Promise<Exit>((resolve) => {
    finish = resolve
  })
  const process: SimProcess = {
    pid,
    command,
    args: [...args],
    signals: [],
    program: undefined,
    async complain(error) {
      if (!options.logFile) return
      const line = `${command}: ${fullMessage(error)}\n`
      // A network that is left takes its folder along, and nobody reads a log that has gone.
      await host.world.files.append(options.logFile, line).catch(() => {})
    },
    end(exit) {
      const at = namespace.processes.indexOf(process)
      if (at < 0) return
      namespace.processes.splice(at, 1)
      process.program = undefined
      finish(exit)
      host.tell({ kind: 'ended', namespace: namespace.name })
    },
  }
  namespace.processes.push(process)
  const start = programs[command.split('/').at(-1)!]
  if (start) {
    const alive = () => namespace.processes.includes(process)
    const begun = start({ host, namespace, args, alive })
      .then((program) => {
        if (alive()) process.program = program
      })
      .catch(async (error: unknown) => {
        process.end({ code: 1, signal: null })
        await process.complain(error)
      })
    void host.world.activity.track(begun)
  }
  return { pid, exited, kill: (signal = 'SIGTERM') => void signalProcess(host, process, signal) }
}

export function signalProcess(host: SimHost, process: SimProcess, signal: NodeJS.Signals): void {
  process.signals.push(signal)
  if (signal === 'SIGTERM' || signal === 'SIGKILL') process.end({ code: null, signal })
  // One that isn't so far yet reads its files anyway.
  const reload = signal === 'SIGHUP' ? process.program?.reload : undefined
  // What it can't read leaves it as it was.
  if (reload) void host.world.activity.track(reload().catch(process.complain))
}

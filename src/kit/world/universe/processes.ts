// A universe has no programs of the host: simulated drivers need none, and what would need one hears so.
import { CloudError } from '../../errors/cloud-error.ts'
import type { Processes } from '../world.ts'

const refuse = (command: string) =>
  Promise.reject(
    new CloudError('unavailable', `The program '${command}' is not installed on this host`, {
      type: 'MissingProgram',
      detail: 'a universe runs no programs of the host',
    }),
  )

export const noProcesses: Processes = {
  run: refuse,
  start: refuse,
  alive: () => false,
  signal: () => false,
  info: async () => undefined,
  memory: async () => undefined,
  ownMemory: () => ({ residentBytes: 64 * 2 ** 20, limitBytes: 8 * 2 ** 30 }),
  find: async () => [],
  self: 1,
}

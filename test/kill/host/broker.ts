// A message broker of its own for the cloud that is killed: `nimbo broker` under the supervisor that roles have, too.
import { realWorld } from '#kit/world/real.ts'
import type { Machine } from '#test/hosts/machine.ts'
import { succeeded, until } from '#test/interop/live-cloud.ts'

const world = realWorld()
const launcher = new URL('../../../nimbo', import.meta.url).pathname
const supervisor = new URL('../../../src/main/supervise.sh', import.meta.url).pathname
const folder = '/var/lib/own-broker'

/** As the machine itself reaches it. */
export const brokerUrls = {
  amqp: 'amqp://cloud:secret@127.0.0.1:25671/%2f',
  management: 'http://cloudadmin:other@127.0.0.1:25672',
}

export async function startOwnBroker(machine: Machine): Promise<void> {
  const permissions = { '/': { configure: '.*', write: '.*', read: '.*' } }
  const users = {
    cloud: { password: 'secret', permissions },
    cloudadmin: { password: 'other', permissions, tags: ['administrator'] },
  }
  await machine.text('mkdir', '-p', folder)
  await machine.run('tee', [`${folder}.json`], { input: JSON.stringify(users) })
  const words = ['broker', '--data', folder, '--users', `${folder}.json`, '--port', '25671']
  const open = ['--listen', '0.0.0.0', '--management-port', '25672', '--log-level', 'warn']
  const start = [supervisor, `${folder}.log`, launcher, ...words, ...open]
    .map((word) => `'${word}'`)
    .join(' ')
  succeeded(await machine.run('sh', ['-c', `setsid /bin/sh ${start} > /dev/null 2>&1 < /dev/null &`]))
  await until('the broker listens', async () => {
    try {
      const connection = await world.sockets.connect({ host: machine.address, port: 25_671 })
      connection.destroy()
      return true
    } catch {
      return false
    }
  })
}

// The embedded broker in this thread: what broker-thread-entry.ts runs, and tests on virtual time.
import { duplexPair } from 'node:stream'
import { type Broker, openBroker } from '#broker/broker.ts'
import { type Management, openManagement } from '#broker/management/management.ts'
import type { Connection } from '#kit/world/world.ts'
import type { BrokerDoor, CloudBroker, CloudBrokerPlan, OpenDoor } from './cloud-broker.ts'
import { managementPage } from './management-page.ts'
import { readVersion } from './verb/version.ts'

export async function brokerHere(plan: CloudBrokerPlan): Promise<CloudBroker> {
  const { world, log, users, dataDir } = plan
  const broker = await openBroker({ world, log, users, dataDir })
  let members: ReadonlySet<string> = new Set()
  let management: Promise<Management> | undefined
  const manage = () => {
    management ??= openManagementOf(plan, broker)
    return management
  }
  // Signed by the authority is not enough: a host that was removed still has its certificate.
  const isMember = ({ tls }: Connection) =>
    tls?.certificate !== undefined && members.has(tls.certificate.fingerprint)
  return {
    async connect() {
      // No socket is needed within a thread; the bytes are the same.
      const [near, far] = duplexPair()
      broker.accept(far, 'in-process')
      return Object.assign(near, { peer: 'in-process' })
    },
    async listen({ protocol, address, tls, membersOnly }: BrokerDoor): Promise<OpenDoor> {
      const listener =
        protocol === 'management'
          ? await (await manage()).listen(address, { tls })
          : await broker.listen(address, { tls, ...(membersOnly && { admit: isMember }) })
      return { address: listener.address, renew: async (next) => listener.renew(next) }
    },
    async admit(fingerprints) {
      members = new Set(fingerprints)
    },
    setUser: async (name, spec) => broker.setUser(name, spec),
    removeUser: async (name) => broker.removeUser(name),
    async deleteQueue(vhost, name) {
      const inside = broker.vhosts.get(vhost)
      const queue = inside?.queues.get(name)
      if (queue) inside?.deleteQueue(queue)
    },
    async close() {
      await (await management)?.close()
      await broker.close()
    },
  }
}

async function openManagementOf({ world, log }: CloudBrokerPlan, broker: Broker): Promise<Management> {
  return openManagement({
    world,
    log,
    broker,
    version: await readVersion(world),
    page: managementPage(world),
  })
}

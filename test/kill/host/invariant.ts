// What has to hold once the cloud had its time, whatever was killed in it: the simulation's invariants, judged on facts of
// this host, and three more. `rest`: everything is as it was before, line for line. `bystander`: a guest that nothing was
// done to goes on. `served`: guests get a lease and their metadata, and answer from outside.

import { patiently } from '#test/kill/patience.ts'
import { judge } from '#test/sim/invariant/check.ts'
import type { Violation } from '#test/sim/invariant/fact.ts'
import { realFacts } from './fact.ts'
import { difference, heldByHost, heldByServices, type Queue } from './holding.ts'
import { findProgram, lives, machineProcesses, type Seen } from './process.ts'
import { type Stage, world } from './stage.ts'
import type { PingWatch } from './watch.ts'

/** How the cloud is when nothing happens. */
export type Rest = { services: string[]; host: string[]; bystander: Seen }

export async function seenAtRest(stage: Stage): Promise<Rest> {
  const [bystander] = findProgram(machineProcesses(stage.machine.pid), 'qemu', stage.bystander.id)
  if (!bystander) throw new Error('The bystander does not run.')
  const [services, host] = await Promise.all([
    patiently(() => heldByServices(stage.admin)),
    heldByHost(stage.machine),
  ])
  return { services, host, bystander }
}

/** Empty where all is as it was at rest and works; `since` is when the strike began. */
export async function violations(
  stage: Stage,
  watch: PingWatch,
  rest: Rest,
  { since, guests }: { since: number; guests: 'asked' | 'left alone' },
): Promise<Violation[]> {
  const now = await seenAtRest(stage)
  const found = [...difference(rest.services, now.services), ...difference(rest.host, now.host)].map(
    (words) => ({ invariant: 'rest', words }),
  )
  if (!lives(rest.bystander)) found.push({ invariant: 'bystander', words: 'its QEMU is another' })
  // What costs more only when the rest is right.
  if (found.length === 0) found.push(...judge(await realFacts(stage, await queues(stage), since)))
  if (found.length > 0 || guests === 'left alone') return found
  const asked = world.clock.now()
  for (const guest of [stage.bystander, stage.subject]) {
    const { stdout, stderr } = await stage.inGuest(guest, guestScript)
    if (stdout.trim() !== `lease\n${guest.id}`)
      found.push({ invariant: 'served', words: `${guest.name} says: ${stdout} ${stderr}` })
  }
  if (!watch.answersSince(asked)) found.push({ invariant: 'served', words: 'the bystander is silent' })
  return found
}

/** A lease asked for anew, and the server's own id by the metadata service. */
const guestScript = [
  'sudo udhcpc -i eth0 -n -q -f -t 3 -T 1 -s /bin/true > /dev/null 2>&1 && echo lease',
  'timeout 10 wget -q -O - http://169.254.169.254/openstack/latest/meta_data.json | sed -E \'s/.*"uuid": ?"([^"]*)".*/\\1/\'',
].join('; ')

async function queues(stage: Stage): Promise<Queue[]> {
  const { origin, login } = stage.management
  const authorization = `Basic ${Buffer.from(login).toString('base64')}`
  const answer = await patiently(() =>
    stage.http.request({ method: 'GET', url: `${origin}/api/queues`, headers: { authorization } }),
  )
  if (answer.status !== 200) throw new Error(`The broker's management answered ${answer.status}`)
  return answer.body as Queue[]
}

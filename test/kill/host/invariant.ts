// What has to hold once the cloud had its time, whatever was killed in it. Read from the services, from the host and from
// inside the guests. Names are those of the simulation's invariants where it has the same.
import { difference, heldByHost, heldByServices, type Queue, restlessQueues } from './holding.ts'
import { findProgram, lives, machineProcesses, type Seen } from './process.ts'
import { patiently, type Stage, world } from './stage.ts'
import type { PingWatch } from './watch.ts'

export type Violation = { invariant: string; detail: string }

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

/** Empty where all is as it was at rest and works. */
export async function violations(
  stage: Stage,
  watch: PingWatch,
  rest: Rest,
  guests: 'asked' | 'left alone',
): Promise<Violation[]> {
  const now = await seenAtRest(stage)
  const found = [
    ...difference(rest.services, now.services).map((detail) => ({ invariant: invariantOf(detail), detail })),
    ...difference(rest.host, now.host).map((detail) => ({ invariant: invariantOf(detail), detail })),
    ...restlessQueues(await queues(stage)).map((detail) => ({ invariant: 'no message left', detail })),
  ]
  if (!lives(rest.bystander)) found.push({ invariant: 'bystander untouched', detail: 'its QEMU is another' })
  const asked = world.clock.now()
  if (found.length > 0 || guests === 'left alone') return found
  for (const guest of [stage.bystander, stage.subject]) {
    const ran = await stage.inGuest(guest, guestScript)
    if (ran.stdout.trim() !== `lease\n${guest.id}`)
      found.push({ invariant: 'guests are served', detail: `${guest.name}: ${ran.stdout} ${ran.stderr}` })
  }
  if (!watch.answersSince(asked))
    found.push({ invariant: 'guests are served', detail: 'the bystander is silent' })
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

const invariants: [words: RegExp, name: string][] = [
  [/^. (server|volume|image|network|router) /, 'no transient state'],
  [/^. claim /, 'allocations are servers'],
  [/^. quota /, 'quota usage is rows'],
  [/^. (port|floating IP|rule) /, "bindings are the API's view"],
  [/^. flows /, "flows are the API's view"],
  [/^. (lease|neutron\/)/, "leases are the API's view"],
  [/^. (namespace|links|ports|ids)/, "wiring is the API's view"],
  [/^. (process|file|run folder)/, 'nothing is orphaned'],
]
function invariantOf(line: string): string {
  return invariants.find(([words]) => words.test(line))?.[1] ?? 'agents are up'
}

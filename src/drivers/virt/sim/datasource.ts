// Where a simulated guest learns who it is: its config drive, or the metadata service over its network, on the way that
// its lease told it. The lines are CirrOS's (row 127).
import type { Duplex } from 'node:stream'
import type { Card } from '#contracts/simulated-card.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import { ec2Id } from './console.ts'
import type { Guest, Life } from './guest.ts'

type Facts = { name?: string; hostname?: string; keys: string[]; zone?: string }

const metadataAddress = '169.254.169.254'
const tries = 20
const betweenTriesMs = 1000
const answerMs = 10_000
/** How long a guest tries to connect where nothing comes back at all. */
const noAnswerMs = 3000

/** What it found is in the guest afterwards, and on its console. */
export async function learn(life: Life): Promise<void> {
  const { guest } = life
  const found = fromDrive(guest) ?? (await fromService(life))
  life.say(`=== datasource: ${found?.source ?? 'none'} ===`)
  if (!found || !life.alive) return
  const { instanceId, facts, userData } = found
  life.say(`instance-id: ${instanceId}`)
  life.say(`name: ${facts.name ?? 'N/A'}`)
  life.say(`availability-zone: ${facts.zone ?? 'N/A'}`)
  life.say(`local-hostname: ${facts.hostname ?? 'N/A'}`)
  for (const key of facts.keys) life.say(`authorized key: ${key.trim().split(' ').slice(0, 2).join(' ')}`)
  const hostname = facts.hostname?.split('.')[0]
  if (hostname) guest.memory.hostname = hostname
  guest.memory.found = { instanceId, ...(userData !== undefined && { userData }) }
}

type Found = { source: string; instanceId: string; facts: Facts; userData?: string }

function fromDrive({ spec }: Guest): Found | undefined {
  const text = (path: string) => {
    const file = spec.configDrive?.[`openstack/latest/${path}`]
    return file === undefined ? undefined : Buffer.from(file).toString()
  }
  const described = text('meta_data.json')
  if (described === undefined) return undefined
  return {
    source: 'config-drive',
    instanceId: ec2Id(spec.number),
    facts: readFacts(described),
    userData: text('user_data'),
  }
}

async function fromService(life: Life): Promise<Found | undefined> {
  const { guest } = life
  const url = '/2009-04-04/instance-id'
  if (guest.addresses().length === 0) return undefined
  life.say(`checking http://${metadataAddress}${url}`)
  for (let attempt = 1; attempt <= tries; attempt++) {
    const answer = await get(life, url)
    if (answer.status === 200 && answer.body !== '') {
      life.say(
        `successful after ${attempt}/${tries} tries: up ${guest.seconds().toFixed(2)}. iid=${answer.body}`,
      )
      return described(life, answer.body)
    }
    life.say(`failed ${attempt}/${tries}: up ${guest.seconds().toFixed(2)}. request failed`)
    if (answer.status === 0 && !answer.refused) await life.pause(noAnswerMs)
    await life.pause(betweenTriesMs)
  }
  life.say('failed to read iid from metadata. tried 20')
  return undefined
}

async function described(life: Life, instanceId: string): Promise<Found> {
  const tree = await get(life, '/openstack/latest/meta_data.json')
  const userData = await get(life, '/2009-04-04/user-data')
  if (userData.status !== 200) life.say('warning: no ec2 metadata for user-data')
  return {
    source: 'ec2 net',
    instanceId,
    facts: tree.status === 200 ? readFacts(tree.body) : { keys: [] },
    ...(userData.status === 200 && { userData: userData.body }),
  }
}

function readFacts(text: string): Facts {
  const read = JSON.parse(text) as {
    name?: string
    hostname?: string
    availability_zone?: string
    public_keys?: Record<string, string>
  }
  return {
    name: read.name,
    hostname: read.hostname,
    zone: read.availability_zone,
    keys: Object.values(read.public_keys ?? {}),
  }
}

type Answer = { status: number; body: string; refused?: boolean }

/** Status 0 where nobody answered. */
function get(life: Life, path: string): Promise<Answer> {
  const { guest } = life
  const card = guest.cardTowards(metadataAddress)
  return life.ask(card ? fetched(guest.parts.world, card, path) : Promise.resolve({ status: 0, body: '' }))
}

async function fetched(world: World, card: Card, path: string): Promise<Answer> {
  let connection: Duplex
  try {
    connection = await card.connect(metadataAddress, 80)
  } catch (error) {
    const refused = error instanceof CloudError && error.message.endsWith('connection refused')
    return { status: 0, body: '', refused }
  }
  const cancel = world.timers.after(answerMs, () => connection.destroy(), { background: true })
  try {
    connection.write(
      `GET ${path} HTTP/1.1\r\nHost: ${metadataAddress}\r\nUser-Agent: curl/7.88\r\nConnection: close\r\n\r\n`,
    )
    const chunks: Buffer[] = []
    for await (const chunk of connection) chunks.push(Buffer.from(chunk))
    return readAnswer(Buffer.concat(chunks))
  } catch {
    // Cut off on the way: a guest sees no answer, as where nobody was there.
    return { status: 0, body: '' }
  } finally {
    cancel()
    connection.destroy()
  }
}

function readAnswer(bytes: Buffer): Answer {
  const end = bytes.indexOf('\r\n\r\n')
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(bytes.subarray(0, 16).toString('latin1'))?.[1]
  if (end < 0 || status === undefined) return { status: 0, body: '' }
  return { status: Number(status), body: bytes.subarray(end + 4).toString() }
}

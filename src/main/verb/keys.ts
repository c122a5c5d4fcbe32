// `nimbo keys`: the keys that make tokens and seal credentials. Works on the data folder, or on the database where controllers
// share one, whether the cloud runs or not: what runs notices within seconds.
import { columns } from '#cli/terminal.ts'
import { openDatabase } from '#kit/db/open.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { fernetKeys, type KeyFile, type KeyKind, listKeys, rotateKeys } from '#kit/fernet/key-repository.ts'
import { type KeyShelf, keyFolder } from '#kit/fernet/key-shelf.ts'
import { jwsKeys } from '#kit/jws/jws.ts'
import type { World } from '#kit/world/world.ts'
import { sharedKeys } from '#services/identity/ops/shared-key.ts'
import { type Cloud, readCloud } from '../data-folder.ts'
import { serverUrls } from '../database.ts'
import { cloudConfig } from '../section.ts'
import { type Invocation, usageError, type Verb } from '../verb.ts'

const usage = "Say 'nimbo keys list' or 'nimbo keys rotate [token|jws|credential]'."

const kinds = {
  token: { folder: 'token-keys', kind: fernetKeys, makes: 'tokens and receipts' },
  jws: { folder: 'jws-keys', kind: jwsKeys, makes: 'signed tokens' },
  credential: { folder: 'credential-keys', kind: fernetKeys, makes: 'credentials' },
} satisfies Record<string, { folder: string; kind: KeyKind<unknown>; makes: string }>
type Kind = keyof typeof kinds
const names = Object.keys(kinds) as Kind[]

/** What seals credentials goes only when nothing is sealed with it any more, which identity itself sees to. */
const allOfThem = Number.MAX_SAFE_INTEGER

export const keys: Verb = {
  summary: 'The keys of tokens and credentials: list, rotate',
  words: 'list|rotate [KIND]',
  options: { json: { type: 'boolean', help: 'For programs' } },
  async run(invocation) {
    const [what, kind, ...more] = invocation.words
    const { world, root } = invocation
    if (more.length > 0 || (kind !== undefined && !(kind in kinds))) throw usageError(usage)
    const cloud = await readCloud(world, root)
    if (cloud.member)
      throw new CloudError('badRequest', 'The keys are where the controller is, not on this host.')
    if (what === 'list' && kind === undefined)
      return withShelves(world, cloud, (shelves) => list(invocation, shelves))
    if (what === 'rotate')
      return withShelves(world, cloud, (shelves) =>
        rotate(invocation, cloud, shelves, (kind ?? 'token') as Kind),
      )
    throw usageError(usage)
  },
}

type Shelves = {
  of(kind: Kind): KeyShelf
  /** Where they are files. */
  folderOf?(kind: Kind): string
}

async function withShelves<T>(
  world: World,
  cloud: Cloud,
  work: (shelves: Shelves) => Promise<T>,
): Promise<T> {
  const urls = await serverUrls(world, cloud.settings)
  if (!urls) {
    const folderOf = (kind: Kind) => `${cloud.folder.root}/identity/${kinds[kind].folder}`
    return work({ of: (kind) => keyFolder(world, folderOf(kind)), folderOf })
  }
  const db = await openDatabase(world, urls.identity)
  const secret = cloud.secrets['host-users']
  try {
    return await work({ of: (kind) => sharedKeys(world, db, { kind: kinds[kind].folder, secret }) })
  } finally {
    await db.close()
  }
}

async function list({ world, terminal, options }: Invocation, shelves: Shelves): Promise<number> {
  const found = await Promise.all(
    names.map(async (kind) => (await listKeys(world, shelves.of(kind))).map((key) => ({ kind, ...key }))),
  )
  const rows = found.flat()
  if (options.json) {
    const shown = rows.map(({ since, ...row }) => ({ ...row, since: timeOf(since) }))
    terminal.print(JSON.stringify({ keys: shown }, null, 2))
    return 0
  }
  const head = ['KIND', 'NUMBER', 'STATE', 'MADE', 'FOR']
  const lines = rows.map((row) => [
    row.kind,
    String(row.number),
    row.state,
    timeOf(row.since),
    wordsOf(row.kind, row.state),
  ])
  for (const line of columns([head, ...lines])) terminal.print(line)
  return 0
}

function wordsOf(kind: Kind, state: KeyFile['state']): string {
  if (state === 'primary') return `makes ${kinds[kind].makes}`
  return state === 'staged' ? 'the next turn' : 'reads what it has made'
}

async function rotate(
  { world, terminal }: Invocation,
  cloud: Cloud,
  shelves: Shelves,
  kind: Kind,
): Promise<number> {
  const shelf = shelves.of(kind)
  const before = await listKeys(world, shelf)
  if (before.length === 0)
    throw new CloudError(
      'notFound',
      `There are no keys in ${shelf.name}: the cloud makes them when it first needs them.`,
    )
  if (shelves.folderOf) await refuseOtherOwner(world, shelves.folderOf(kind))
  const { identity } = cloudConfig(world, cloud)
  const maxActiveKeys = kind === 'credential' ? allOfThem : identity.maxActiveKeys
  await rotateKeys(world, shelf, kinds[kind].kind, { maxActiveKeys })
  await report(world, terminal, shelf, before, kind)
  return 0
}

/** A key that root has written is one that the cloud can't read. */
async function refuseOtherOwner(world: World, path: string): Promise<void> {
  const [own, folder] = [await world.files.info('/proc/self'), await world.files.info(path)]
  if (own && folder && own.uid !== folder.uid)
    throw new CloudError(
      'forbidden',
      `${path} belongs to another user (id ${folder.uid}): run this as that user.`,
    )
}

async function report(
  world: World,
  terminal: Invocation['terminal'],
  shelf: KeyShelf,
  before: readonly KeyFile[],
  kind: Kind,
): Promise<void> {
  const after = await listKeys(world, shelf)
  terminal.print(`Key ${after[0]!.number} makes ${kinds[kind].makes} from now on.`)
  const gone = before.filter((old) => old.number > 0 && !after.some((key) => key.number === old.number))
  for (const { number } of gone)
    terminal.say(`Key ${number} is gone: whatever it had made can't be read any more.`)
  if (kind === 'credential') terminal.say('Old keys go when the cloud has sealed all credentials anew.')
}

function timeOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}

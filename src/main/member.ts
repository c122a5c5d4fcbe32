// A host that joined a cloud: what the controller gave it, in member.json of its data folder. Where this file is, the folder
// holds an agent and no controller.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import type { Ports } from './port.ts'
import { type Secrets, secretNames } from './secret.ts'

export type Member = {
  /** This host's name in the cloud. */
  host: string
  /** The controller's name or address, as this host was told it. */
  controller: string
  cloudId: string
  ports: Ports
  bus: { user: string; password: string }
  /** Where the bus is, in a cloud whose broker is not the embedded one. */
  transport?: MemberTransport
  /** What metadata requests are signed with. */
  metadataSecret: string
}

export type MemberTransport = {
  addresses: { host: string; port: number }[]
  secure: boolean
  vhost: string
  /** Who signs the brokers' certificates, in PEM; the default is the host's own list. */
  authority?: string
  queueType: 'classic' | 'quorum'
}

export type MemberFiles = {
  readonly member: string
  readonly authority: string
  readonly certificate: string
  readonly key: string
}

export function memberFiles(root: string): MemberFiles {
  return {
    member: `${root}/member.json`,
    authority: `${root}/tls/ca.pem`,
    certificate: `${root}/tls/host.pem`,
    key: `${root}/tls/host.key`,
  }
}

export async function readMember(world: World, root: string): Promise<Member | undefined> {
  const { member } = memberFiles(root)
  if (!(await world.files.exists(member))) return undefined
  return JSON.parse(await world.files.readText(member)) as Member
}

export async function writeMember(world: World, root: string, member: Member): Promise<void> {
  await world.files.writeAtomic(memberFiles(root).member, `${JSON.stringify(member, null, 2)}\n`, {
    mode: 0o600,
  })
}

/** The cloud's secrets aren't on a joined host: whoever needs one is told where it is. */
export function secretsElsewhere({ controller }: Member): Secrets {
  const elsewhere = {
    enumerable: false,
    get(): never {
      throw new CloudError(
        'conflict',
        `This host joined a cloud, and holds none of its secrets: do this on the controller, ${controller}.`,
      )
    },
  }
  return Object.defineProperties(
    {},
    Object.fromEntries(secretNames.map((name) => [name, elsewhere])),
  ) as Secrets
}

// The one folder that holds all of a cloud: configuration, secrets, credentials, databases, guests, logs.
// A marker file says that it is ours; without it nothing below a folder is ever removed.

import { loadConfig } from '#kit/config/load.ts'
import { snakeCase } from '#kit/config/section.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import { completeYaml, formatYaml, parseYaml } from '#kit/yaml/yaml.ts'
import { type Member, readMember, secretsElsewhere } from './member.ts'
import { type Ports, portsFrom } from './port.ts'
import { readSecrets, type Secrets } from './secret.ts'
import { type CloudSettings, cloudSection } from './settings.ts'

export type DataFolder = {
  readonly root: string
  readonly config: string
  readonly marker: string
  readonly secrets: string
  readonly adminRc: string
  readonly demoRc: string
  readonly cloudsYaml: string
  readonly demoKey: string
  readonly tls: string
  /** The certificate of the cloud's own authority. */
  readonly authority: string
  readonly run: string
  readonly log: string
  readonly cache: string
}

/** What each role and verb is given: where the cloud lives, how it is set up, its secrets. */
export type Cloud = {
  readonly folder: DataFolder
  readonly settings: CloudSettings
  readonly ports: Ports
  readonly secrets: Secrets
  /** Present on a host that joined a cloud: there is no controller in this folder then. */
  readonly member?: Member
  /** Text of nimbo.yaml, for the sections of the services; empty where there is none. */
  readonly configText: string
}

export function dataFolder(root: string): DataFolder {
  return {
    root,
    config: `${root}/nimbo.yaml`,
    marker: `${root}/.nimbo-cloud`,
    secrets: `${root}/secrets.json`,
    adminRc: `${root}/admin-openrc`,
    demoRc: `${root}/demo-openrc`,
    cloudsYaml: `${root}/clouds.yaml`,
    demoKey: `${root}/demo-key`,
    tls: `${root}/tls`,
    authority: `${root}/tls/ca.pem`,
    run: `${root}/run`,
    log: `${root}/log`,
    cache: `${root}/cache`,
  }
}

/** Root's clouds live where services keep their state, a user's in the XDG data folder. */
export function defaultRoot(env: World['env'], uid: number): string {
  if (uid === 0) return '/var/lib/nimbo'
  const home = env.XDG_DATA_HOME ?? (env.HOME ? `${env.HOME}/.local/share` : undefined)
  if (!home)
    throw new CloudError(
      'badRequest',
      'There is neither HOME nor XDG_DATA_HOME: name the data folder with --data.',
    )
  return `${home}/nimbo`
}

/** Makes the folder with its secrets at first start; `given` is what the command line asked for. */
export async function prepareCloud(
  world: World,
  root: string,
  given: Partial<CloudSettings>,
): Promise<Cloud> {
  const folder = dataFolder(root)
  await prepareFolder(world, folder)
  const wasThere = await world.files.exists(folder.secrets)
  if (!wasThere && Object.keys(given).length > 0) {
    const text = await completed(world, folder, given)
    refuseOther(folder, given, settingsIn(text, folder, world.env))
    await world.files.writeAtomic(folder.config, text)
  }
  const cloud = await readCloud(world, root)
  refuseOther(folder, given, cloud.settings)
  return cloud
}

function refuseOther(
  folder: DataFolder,
  given: Partial<CloudSettings>,
  settings: Readonly<CloudSettings>,
): void {
  for (const [key, value] of Object.entries(given)) {
    const inForce = settings[key as keyof CloudSettings]
    if (value === inForce) continue
    const name = snakeCase(key)
    const isSecret = cloudSection.options[key as keyof CloudSettings].type === 'secret'
    const words = isSecret ? `another ${name}` : `${name} ${inForce}, not ${value}`
    throw new CloudError(
      'conflict',
      `This cloud was set up with ${words}: change cloud.${name} in ${folder.config}, or choose another folder with --data.`,
    )
  }
}

type Marker = { format: 1; id: string /** Of a host of another cloud. */; joins?: true }

/** True where the folder is a new one. `joins`: for a host of a cloud elsewhere. */
export async function prepareFolder(world: World, folder: DataFolder, joins = false): Promise<boolean> {
  const fresh = !(await world.files.exists(folder.marker))
  if (fresh) await claimFolder(world, folder, joins)
  // Guests' sockets lie below `run`, and guests run as another user.
  await world.files.makeFolder(folder.run, { mode: 0o711 })
  for (const path of [folder.log, folder.cache]) await world.files.makeFolder(path)
  return fresh
}

/** A cloud that is there. Throws 'notFound' where the folder holds none, 'badRequest' for mistakes in nimbo.yaml. */
export async function readCloud(world: World, root: string): Promise<Cloud> {
  const folder = dataFolder(root)
  if (!(await world.files.exists(folder.marker))) {
    throw new CloudError('notFound', `There is no cloud in ${root}: 'nimbo up' makes one.`, {
      type: 'NoCloud',
    })
  }
  const configText = (await world.files.exists(folder.config))
    ? await world.files.readText(folder.config)
    : ''
  const settings = settingsIn(configText, folder, world.env)
  const member = await readMember(world, root)
  if (!member && (await readMarker(world, folder)).joins)
    throw new CloudError(
      'conflict',
      `Joining a cloud was cut off in ${root}: run 'nimbo join' again with the same token, or 'nimbo destroy'.`,
      { type: 'HalfJoined' },
    )
  return {
    folder,
    settings,
    ports: portsFrom(settings.portBase),
    secrets: member ? secretsElsewhere(member) : await readSecrets(world, folder.secrets),
    ...(member && { member }),
    configText,
  }
}

/** The cloud's own name, by which drivers tag what they make on a host. */
export async function cloudId(world: World, folder: DataFolder): Promise<string> {
  return (await readMarker(world, folder)).id
}

async function readMarker(world: World, folder: DataFolder): Promise<Marker> {
  return JSON.parse(await world.files.readText(folder.marker)) as Marker
}

/** Only section `cloud`: the others are checked by the roles that know them. */
function settingsIn(text: string, { config: file }: DataFolder, env: World['env']): CloudSettings {
  const { value } = parseYaml(text, file)
  const cloud =
    typeof value === 'object' && value !== null ? (value as Record<string, unknown>).cloud : undefined
  const own = Object.entries(env).filter(([name]) => name.startsWith('NIMBO_CLOUD__'))
  const yaml = cloud === undefined || cloud === null ? '' : formatYaml({ cloud })
  return loadConfig([cloudSection], { yaml, file, env: Object.fromEntries(own) }).cloud
}

/** nimbo.yaml with what the command line chose; what an operator wrote beforehand stays as it is. */
async function completed(
  world: World,
  { config }: DataFolder,
  given: Partial<CloudSettings>,
): Promise<string> {
  const cloud = Object.fromEntries(Object.entries(given).map(([key, value]) => [snakeCase(key), value]))
  return (await world.files.exists(config))
    ? completeYaml(await world.files.readText(config), config, { cloud })
    : `# How this cloud is set up; written at its first start, yours to edit. 'nimbo down' and 'up' put it in force.\n${formatYaml({ cloud })}`
}

async function claimFolder(world: World, folder: DataFolder, joins: boolean): Promise<void> {
  // Guests run as another user, who has to get through to their disks; each file and folder inside guards itself.
  await world.files.makeFolder(folder.root, { mode: 0o711 })
  const strange = (await world.files.list(folder.root)).filter((name) => name !== 'nimbo.yaml')
  if (strange.length > 0) {
    throw new CloudError(
      'conflict',
      `${folder.root} holds other things (${strange.slice(0, 3).join(', ')}): choose an empty folder with --data.`,
    )
  }
  const marker: Marker = { format: 1, id: world.random.uuid(), ...(joins && { joins }) }
  await world.files.writeAtomic(folder.marker, `${JSON.stringify(marker)}\n`)
}

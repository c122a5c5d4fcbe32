// `nimbo join`: makes this machine a host of a cloud whose controller runs elsewhere.
import { poll } from '#cli/demo.ts'
import { paint, type Terminal } from '#cli/terminal.ts'
import { endOf, fingerprintOf } from '#kit/certificate/authority.ts'
import { loadConfig } from '#kit/config/load.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import { type Cloud, dataFolder, readCloud } from '../data-folder.ts'
import { examine } from '../doctor.ts'
import { hostNetworks } from '../host-network.ts'
import { askController, becomeMember, fetchAuthority, type JoinWish, prepareMemberFolder } from '../join.ts'
import { fingerprintIn, readController } from '../join-token.ts'
import { withLock } from '../lock.ts'
import { type Member, memberFiles } from '../member.ts'
import { asMember } from '../member-session.ts'
import { ensureOpenssl, hostPackages, installPackages, missingPackages } from '../package.ts'
import { usualPorts } from '../port.ts'
import { roleLog, roleState, startRole } from '../role.ts'
import { agentSections, serviceSections } from '../section.ts'
import { cloudSection } from '../settings.ts'
import { type Invocation, usageError, type Verb } from '../verb.ts'
import { formatFindings } from './doctor.ts'
import { stopCloud } from './down.ts'
import { readVersion } from './version.ts'

const upTimeoutMs = 90_000

export const join: Verb = {
  summary: 'Makes this machine a host of another cloud',
  words: 'CONTROLLER',
  options: {
    token: {
      type: 'string',
      value: 'TOKEN',
      help: "From 'nimbo token create' there; or in NIMBO_JOIN_TOKEN",
    },
    name: { type: 'string', value: 'HOST', help: "This host's name in the cloud, default its own" },
    'local-ip': {
      type: 'string',
      value: 'ADDRESS',
      help: 'Where its tunnels end, default the way to the controller',
    },
    underlay: {
      type: 'string',
      value: 'CARD',
      help: 'Card that holds that address, default found by itself',
    },
  },
  async run(invocation) {
    const { world, terminal, root } = invocation
    const before = await memberIfThere(world, root)
    if (before) checkSameCloud(invocation, before)
    const member = before?.member
    const isGood = member !== undefined && !(await mustJoinAgain(invocation))
    const joined =
      before && isGood ? before : await becomeHost(invocation, await wishOf(invocation, member), before)
    const started = await withLock(world, joined.folder, 'join', () => raiseMember(invocation, joined))
    const { host, controller } = joined.member!
    if (isGood && !started)
      terminal.print(`${host} belongs to the cloud of ${controller}; nothing was changed.`)
    else terminal.print(paint(terminal, 'green', `${host} is a host of the cloud of ${controller}.`))
    return 0
  },
}

/** Starts the agent where it doesn't run, and waits until the controller has seen it. True where it started it. */
export async function raiseMember({ world, program, terminal }: Invocation, cloud: Cloud): Promise<boolean> {
  if ((await roleState(world, cloud.folder, 'agent')).process) return false
  await packages(world, terminal, cloud.settings.dataPlane)
  await startRole(world, cloud, 'agent', program)
  const late = `The controller hasn't seen this host after ${upTimeoutMs / 1000} s: see ${roleLog(cloud.folder, 'agent')}`
  await asMember(world, cloud, ({ controller, host, trace }) =>
    poll(world, upTimeoutMs, late, async () => {
      const { process, supervisor } = await roleState(world, cloud.folder, 'agent')
      if (!process && !supervisor)
        throw new CloudError('unavailable', `The agent doesn't run: see ${roleLog(cloud.folder, 'agent')}`)
      return (await controller.state({ host }, { trace })).up || undefined
    }),
  )
  return true
}

function checkSameCloud({ words, root }: Invocation, { member }: Cloud): void {
  if (!member) throw new CloudError('conflict', `${root} holds a controller, and can't join another cloud.`)
  const asked = words[0] && readController(words[0], usualPorts.hosts).host
  if (asked !== undefined && asked !== member.controller)
    throw new CloudError(
      'conflict',
      `This host belongs to the cloud of ${member.controller} already: 'nimbo destroy' leaves it.`,
    )
}

/** What it was given is good for nothing any more: the cloud has another authority, or it was away for too long. */
async function mustJoinAgain({ world, root, options }: Invocation): Promise<boolean> {
  const token = tokenOf({ world, options })
  if (token === undefined) return false
  const { authority, certificate } = memberFiles(root)
  if (fingerprintOf(await world.files.readText(authority)) !== fingerprintIn(token)) return true
  return endOf(await world.files.readText(certificate)) <= world.clock.now()
}

/** `before` is a member whose papers hold no longer: its guests and settings stay. */
async function becomeHost(
  { world, terminal, root }: Invocation,
  wish: JoinWish,
  before: Cloud | undefined,
): Promise<Cloud> {
  const authority = await fetchAuthority(wish)
  const { http, facts } = await askController(wish, authority)
  let fresh = false
  try {
    if (before?.member && before.member.cloudId !== facts.id)
      throw new CloudError(
        'conflict',
        `Another cloud is at ${wish.controller.host} now: 'nimbo destroy --force' leaves the one that was there.`,
      )
    terminal.say(paint(terminal, 'bold', `joining ${wish.controller.host} as ${wish.name}`))
    await preflight(world, terminal, root, facts.data_plane)
    await packages(world, terminal, facts.data_plane)
    fresh = await prepareMemberFolder(world, root, wish, facts)
    return await withLock(world, dataFolder(root), 'join', async () => {
      const { settings, agent } = await settingsOf(world, root)
      const { tunnel } = await hostNetworks(world, settings, agent, wish.controller.host)
      const joined = await becomeMember(world, root, http, wish, tunnel?.localIp ?? '127.0.0.1')
      // It knows only what it was given before.
      if (before) await stopCloud(world, before.folder)
      return joined
    })
  } catch (error) {
    // Turned away for good: the next attempt, perhaps at another cloud, finds the machine as it was.
    if (fresh && error instanceof CloudError && error.type === 'JoinRefused' && error.status < 500)
      await world.files.removeTree(root)
    throw error
  } finally {
    http.close()
  }
}

async function settingsOf(world: World, root: string) {
  const { config: file } = dataFolder(root)
  const yaml = await world.files.readText(file)
  const sections = [cloudSection, ...serviceSections, ...agentSections] as const
  const { cloud, agent } = loadConfig(sections, { yaml, file, env: world.env })
  return { settings: cloud, agent }
}

function tokenOf({ world, options }: Pick<Invocation, 'world' | 'options'>): string | undefined {
  return (options.token as string | undefined) ?? world.env.NIMBO_JOIN_TOKEN
}

async function wishOf(invocation: Invocation, before: Member | undefined): Promise<JoinWish> {
  const { world, options, words } = invocation
  const [controller, ...more] = words
  const token = tokenOf(invocation)
  if (!controller || more.length > 0 || !token)
    throw usageError("Say 'nimbo join CONTROLLER --token TOKEN', as 'nimbo token create' printed it there.")
  return {
    controller: readController(controller, usualPorts.hosts),
    token,
    fingerprint: fingerprintIn(token),
    name: (options.name as string | undefined) ?? before?.host ?? world.host.name,
    localIp: options['local-ip'] as string | undefined,
    underlay: options.underlay as string | undefined,
    version: await readVersion(world),
  }
}

async function preflight(
  world: World,
  terminal: Terminal,
  root: string,
  dataPlane: 'real' | 'sim',
): Promise<void> {
  const findings = await examine(world, { dataPlane, root, listen: '127.0.0.1' })
  const bad = findings.filter((finding) => finding.state !== 'ok' && finding.check !== 'packages')
  for (const line of formatFindings(bad, terminal)) terminal.say(line)
  if (bad.some((finding) => finding.state === 'problem'))
    throw new CloudError('unavailable', "This machine can't be a host yet: see the problems above.")
}

async function packages(world: World, terminal: Terminal, dataPlane: 'real' | 'sim'): Promise<void> {
  await ensureOpenssl(world, terminal.say)
  if (dataPlane === 'sim') return
  const missing = await missingPackages(world, Object.keys(hostPackages))
  if (missing.length > 0) await installPackages(world, missing, terminal.say)
}

/** Undefined where nothing is, and where an earlier attempt was cut off. */
async function memberIfThere(world: World, root: string): Promise<Cloud | undefined> {
  try {
    return await readCloud(world, root)
  } catch (error) {
    if (error instanceof CloudError && (error.type === 'NoCloud' || error.type === 'HalfJoined'))
      return undefined
    throw error
  }
}

// `nimbo up`: from nothing, or from wherever the last run ended, to a cloud with a guest that one can log in to.
import { resolve } from 'node:path'
import { openSession } from '#cli/openstack.ts'
import { columns, paint, type Terminal } from '#cli/terminal.ts'
import { parseServerUrl } from '#kit/db/server-url.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import { cloudHttp, usesTls } from '../api.ts'
import { loginOf, writeCredentials } from '../credential.ts'
import { type Cloud, dataFolder, prepareCloud } from '../data-folder.ts'
import { examine } from '../doctor.ts'
import { type DemoFacts, prepareDemo, prepareFoundation, readProgress } from '../first-cloud.ts'
import { mostHosts, simulatedHosts } from '../host-kind.ts'
import { withLock } from '../lock.ts'
import { ensureOpenssl, hostPackages, installPackages, missingPackages } from '../package.ts'
import { freePublicCidr } from '../public-cidr.ts'
import { apisAnswer, awaitApis, awaitHosts } from '../ready.ts'
import { roleState, rolesOf, startRole } from '../role.ts'
import { serverCertificate } from '../server-certificate.ts'
import { type CloudSettings, cloudSection } from '../settings.ts'
import { type Invocation, usageError, type Verb } from '../verb.ts'
import { formatFindings, questionFor } from './doctor.ts'
import { raiseMember } from './join.ts'

export const up: Verb = {
  summary: 'Raises the cloud and boots the server hello',
  options: {
    empty: { type: 'boolean', help: 'Without project demo’s image, networks and server' },
    sim: { type: 'boolean', help: 'Simulated hosts and guests: no root, no packages' },
    hosts: { type: 'string', help: 'How many simulated hosts', value: 'N' },
    speed: {
      type: 'string',
      help: 'How many times faster than real ones simulated guests boot, default 10',
      value: 'X',
    },
    'port-base': { type: 'string', help: 'First of a row of ports, instead of the usual ones', value: 'N' },
    database: {
      type: 'string',
      help: 'Databases on a PostgreSQL or MariaDB: its URL without a password, or a file that holds it whole',
      value: 'URL|FILE',
    },
    listen: { type: 'string', help: 'Address on which the APIs listen, default 127.0.0.1', value: 'ADDRESS' },
    'public-host': { type: 'string', help: 'Name or address of this machine in the catalog', value: 'HOST' },
  },
  async run(invocation) {
    const { world, root } = invocation
    const started = world.clock.monotonic()
    const cloud = await prepareCloud(world, root, await settingsFor(invocation))
    const { member } = cloud
    if (!member) await withLock(world, cloud.folder, 'up', () => raise(invocation, cloud, started))
    else {
      const raised = await withLock(world, cloud.folder, 'up', () => raiseMember(invocation, cloud))
      const what = `The agent of ${member.host}, a host of the cloud of ${member.controller}, is`
      invocation.terminal.print(raised ? `${what} up.` : `${what} running; nothing was changed.`)
    }
    return 0
  },
}

async function raise(
  { world, terminal, program, root, options }: Invocation,
  cloud: Cloud,
  started: number,
): Promise<void> {
  if (usesTls(cloud.settings)) {
    await ensureOpenssl(world, terminal.say)
    await serverCertificate(world, cloud)
  }
  const http = await cloudHttp(world, cloud)
  try {
    const before = await readProgress(world, cloud)
    const runs = (await allRun(world, cloud)) && (await apisAnswer(http, cloud))
    const complete = before.foundation && (options.empty || before.demo)
    if (runs && complete) {
      terminal.print('The cloud is running; nothing was changed.')
      summarize(terminal, cloud, before.demo)
      return
    }
    if (!runs) {
      await preflight(world, terminal, root, cloud, before.foundation === true)
      await writeCredentials(world, cloud)
      terminal.say(
        paint(
          terminal,
          'bold',
          cloud.settings.dataPlane === 'sim'
            ? `controller and ${simulatedHosts(cloud.settings).length} simulated hosts`
            : 'controller and host agent',
        ),
      )
      // All at once: an agent loads meanwhile, and finds the controller as soon as that listens.
      for (const role of rolesOf(cloud)) await startRole(world, cloud, role, program)
      await awaitApis(world, http, cloud)
      terminal.say(`  APIs answer after ${seconds(world, started)}`)
    }
    const admin = await openSession(http, loginOf(cloud, 'admin'))
    await awaitHosts(world, admin, cloud)
    terminal.say(`  hosts are up after ${seconds(world, started)}`)
    if (!before.foundation) await prepareFoundation(world, admin, cloud)
    const demo =
      options.empty || before.demo ? before.demo : await prepareDemo(world, http, admin, cloud, terminal)
    terminal.print(paint(terminal, 'green', `The cloud is up after ${seconds(world, started)}.`))
    summarize(terminal, cloud, demo)
  } finally {
    http.close()
  }
}

/** At the first start of a real cloud also an external network that no other cloud on this host has. */
async function settingsFor(invocation: Invocation): Promise<Partial<CloudSettings>> {
  const { world, root } = invocation
  const given = settingsFrom(invocation)
  const { config, marker } = dataFolder(root)
  const known = (await world.files.exists(config)) || (await world.files.exists(marker))
  if (known || given.dataPlane === 'sim') return given
  const publicCidr = await freePublicCidr(world)
  return publicCidr === cloudSection.options.publicCidr.default ? given : { ...given, publicCidr }
}

/** What the command line asks for; absent where it leaves the choice to nimbo.yaml and the defaults. */
function settingsFrom({ options }: Invocation): Partial<CloudSettings> {
  const given: Record<string, unknown> = {}
  if (options.sim || options.hosts !== undefined) given.dataPlane = 'sim'
  if (options.hosts !== undefined) given.hosts = wholeNumber('hosts', options.hosts as string, 1, mostHosts)
  if (options.speed !== undefined) {
    given.dataPlane = 'sim'
    given.guestSpeed = wholeNumber('speed', options.speed as string, 1, 1000)
  }
  if (options['port-base'] !== undefined)
    given.portBase = wholeNumber('port-base', options['port-base'] as string, 1024, 65000)
  if (options.listen !== undefined) given.listen = options.listen
  if (options.database !== undefined) Object.assign(given, databaseFrom(options.database as string))
  if (options['public-host'] !== undefined) given.publicHost = options['public-host']
  return given as Partial<CloudSettings>
}

/** What stands on a command line, every user of the machine may read. */
function databaseFrom(text: string): Partial<CloudSettings> {
  if (!text.includes('://')) return { databaseUrlFile: resolve(text) }
  if (parseServerUrl(text).password === '') return { databaseUrl: text }
  throw usageError(
    '--database takes a URL without a password: put the whole URL into a file of mode 600, and name that.',
  )
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw usageError(`--${name} takes a whole number from ${least} to ${most}, not '${text}'.`)
}

async function allRun(world: World, cloud: Cloud): Promise<boolean> {
  const states = await Promise.all(rolesOf(cloud).map((role) => roleState(world, cloud.folder, role)))
  return states.every(({ process }) => process !== undefined)
}

async function preflight(
  world: World,
  terminal: Terminal,
  root: string,
  cloud: Cloud,
  brief: boolean,
): Promise<void> {
  const findings = await examine(world, { ...(await questionFor(world, root, cloud, false)), brief })
  const bad = findings.filter((finding) => finding.state !== 'ok' && finding.check !== 'packages')
  for (const line of formatFindings(bad, terminal)) terminal.say(line)
  if (bad.some((finding) => finding.state === 'problem')) {
    throw new CloudError(
      'unavailable',
      "This machine can't run the cloud yet: see the problems above ('nimbo doctor' tells all findings).",
    )
  }
  if (cloud.settings.dataPlane === 'sim') return
  const missing = await missingPackages(world, Object.keys(hostPackages))
  if (missing.length > 0) await installPackages(world, missing, terminal.say)
}

function summarize(terminal: Terminal, cloud: Cloud, demo: DemoFacts | undefined): void {
  const { folder } = cloud
  const rows = [
    ['API', loginOf(cloud, 'admin').authUrl],
    ['Credentials', `${folder.adminRc}  ${folder.demoRc}  ${folder.cloudsYaml}`],
  ]
  if (cloud.settings.dataPlane === 'sim')
    rows.push(['Hosts', `${simulatedHosts(cloud.settings).length}, all simulated: no guest runs for real`])
  if (demo) rows.push(['Server hello', `${demo.fixedIp}, from outside ${demo.floatingIp}`])
  if (demo && cloud.settings.dataPlane === 'real') rows.push(['Log in', sshCommand(cloud, demo.floatingIp)])
  for (const line of columns(rows)) terminal.print(`  ${line}`)
}

function sshCommand(cloud: Cloud, address: string): string {
  const { demoKey, root } = cloud.folder
  return `ssh -i ${demoKey} -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile=${root}/known_hosts cirros@${address}`
}

function seconds(world: World, started: number): string {
  return `${((world.clock.monotonic() - started) / 1000).toFixed(1)} s`
}

// `nimbo doctor`: what this machine offers and lacks.

import type { Terminal } from '#cli/terminal.ts'
import { paint } from '#cli/terminal.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import { type Cloud, readCloud } from '../data-folder.ts'
import { serverUrls } from '../database.ts'
import { type DoctorQuestion, examine, type Finding } from '../doctor.ts'
import { policyFindings } from '../doctor-policy.ts'
import { tlsFindings } from '../doctor-tls.ts'
import { policyFolder } from '../policy-file.ts'
import { type Ports, portsFrom } from '../port.ts'
import { controllingRole, roleState } from '../role.ts'
import { cloudConfig } from '../section.ts'
import { externalBroker } from '../transport.ts'
import type { Verb } from '../verb.ts'

export const doctor: Verb = {
  summary: 'Looks whether this machine can run a cloud',
  options: {
    sim: { type: 'boolean', help: 'For a simulated cloud, which needs no root' },
    json: { type: 'boolean', help: 'For programs' },
  },
  async run({ world, terminal, root, options }) {
    const cloud = await cloudIfThere(world, root)
    const findings = await examine(world, await questionFor(world, root, cloud, options.sim === true))
    if (cloud) findings.push(...(await tlsFindings(world, cloud)), ...(await ownPolicies(world, cloud)))
    if (options.json) terminal.print(JSON.stringify({ findings }, null, 2))
    else for (const line of formatFindings(findings, terminal)) terminal.print(line)
    return findings.some((finding) => finding.state === 'problem') ? 1 : 0
  },
}

export async function questionFor(
  world: World,
  root: string,
  cloud: Cloud | undefined,
  sim: boolean,
): Promise<DoctorQuestion> {
  const running =
    cloud !== undefined &&
    (await roleState(world, cloud.folder, controllingRole(cloud))).process !== undefined
  const external = cloud && !cloud.member ? await externalBroker(world, cloud.settings) : undefined
  const databases = cloud && !cloud.member ? await serverUrls(world, cloud.settings) : undefined
  const dataPlane = sim ? 'sim' : (cloud?.settings.dataPlane ?? 'real')
  return {
    dataPlane,
    root,
    listen: cloud?.settings.listen ?? '127.0.0.1',
    ports:
      running || cloud?.member
        ? undefined
        : portsNeeded(cloud?.ports ?? portsFrom(0), { external: external !== undefined, dataPlane }),
    external,
    databases,
    // A joined host has neither.
    sharedSecret: databases && cloud?.secrets['host-users'],
  }
}

/** Where the broker isn't ours, it may well listen on this machine itself. A real cloud has no simulation service. */
function portsNeeded(
  { simulation, ...ports }: Ports,
  { external, dataPlane }: { external: boolean; dataPlane: 'real' | 'sim' },
): Partial<Ports> {
  const { amqp, amqpTls, amqpManagement, ...others } = ports
  return {
    ...others,
    ...(!external && { amqp, amqpTls, amqpManagement }),
    ...(dataPlane === 'sim' && { simulation }),
  }
}

/** A joined host decides nothing. */
async function ownPolicies(world: World, cloud: Cloud): Promise<Finding[]> {
  if (cloud.member) return []
  const { policy, image } = cloudConfig(world, cloud)
  return policyFindings(world, policyFolder(cloud, policy), policy, image)
}

export function formatFindings(findings: readonly Finding[], terminal: Pick<Terminal, 'colors'>): string[] {
  const marks = {
    ok: paint(terminal, 'green', 'ok     '),
    warning: paint(terminal, 'yellow', 'warning'),
    problem: paint(terminal, 'red', 'problem'),
  }
  return findings.flatMap(({ check, state, text, remedy }) => {
    const line = `${marks[state]}  ${check.padEnd(9)}  ${text}`
    return remedy ? [line, `${' '.repeat(20)}-> ${remedy}`] : [line]
  })
}

async function cloudIfThere(world: World, root: string): Promise<Cloud | undefined> {
  try {
    return await readCloud(world, root)
  } catch (error) {
    if (error instanceof CloudError && error.type === 'NoCloud') return undefined
    throw error
  }
}

// A cloud's secrets: generated at first start, kept in one file for the owner alone.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'

/** Users of the identity service and of the bus, the key by which metadata requests are signed, what service users of joined hosts are made from. */
export const secretNames = [
  'admin',
  'demo',
  'nova',
  'neutron',
  'glance',
  'placement',
  'cinder',
  'bus-controller',
  'bus-agent',
  'bus-admin',
  'metadata-signing',
  'host-users',
] as const

export type SecretName = (typeof secretNames)[number]
export type Secrets = Readonly<Record<SecretName, string>>

/** What is missing is made and stored, so that a newer version finds its new secrets in an older cloud. */
export async function readSecrets(world: World, path: string): Promise<Secrets> {
  const known = (await world.files.exists(path)) ? parse(await world.files.readText(path), path) : {}
  const missing = secretNames.filter((name) => typeof known[name] !== 'string')
  if (missing.length === 0) return known as Secrets
  const secrets = { ...known, ...Object.fromEntries(missing.map((name) => [name, newSecret(world)])) }
  await world.files.writeAtomic(path, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 })
  return secrets as Secrets
}

/** 144 bits in characters that neither a shell, a URL nor YAML treats specially. */
function newSecret(world: World): string {
  return world.random.bytes(18).toString('base64url').replaceAll('-', 'x').replaceAll('_', 'y')
}

/** False of a few that we made, and of what an operator put there instead: a word of people's needs a slow hash. */
export function isGenerated(secret: string): boolean {
  return /^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[A-Za-z0-9]{24}$/.test(secret)
}

function parse(text: string, path: string): Record<string, string> {
  try {
    return JSON.parse(text) as Record<string, string>
  } catch (error) {
    throw new CloudError(
      'internal',
      `${path} is not JSON: put it back from a copy, the cloud can't be entered without it.`,
      { cause: error },
    )
  }
}

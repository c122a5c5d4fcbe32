// The distribution's packages that a host needs: which are missing, and how they come.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'

export type Distribution = { id: string; version: string; name: string; supported: boolean }

/** What guests, networks and the offline guest image are made with, and what each is for. */
export const hostPackages: Record<string, string> = {
  'qemu-system-x86': 'guests',
  'qemu-utils': 'disks of guests',
  'openvswitch-switch': 'virtual switches',
  iproute2: 'network namespaces and devices',
  openssl: 'certificates of APIs and hosts',
  nftables: 'address translation of routers',
  conntrack: 'connections of security groups',
  ethtool: 'checksum offload of virtual devices',
  'dnsmasq-base': 'DHCP',
  haproxy: 'metadata in each network',
  'openssh-client': 'logging in to guests',
  syslinux: 'boot loader of the offline guest image',
  'syslinux-common': 'boot loader of the offline guest image',
  mtools: 'boot partition of the offline guest image',
  dosfstools: 'boot partition of the offline guest image',
  e2fsprogs: 'root partition of the offline guest image',
  'xz-utils': 'kernel modules of the offline guest image',
}

const supported: Record<string, readonly string[]> = { debian: ['12', '13'], ubuntu: ['24.04'] }

export async function readDistribution(world: World): Promise<Distribution> {
  const path = '/etc/os-release'
  const text = (await world.files.exists(path)) ? await world.files.readText(path) : ''
  return parseDistribution(text)
}

export function parseDistribution(text: string): Distribution {
  const value = (name: string) => new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(text)?.[1] ?? ''
  const id = value('ID') || 'unknown'
  const version = value('VERSION_ID')
  return {
    id,
    version,
    name: value('PRETTY_NAME') || id,
    supported: supported[id]?.includes(version) ?? false,
  }
}

/** Those of the packages that dpkg doesn't have installed; all of them where there is no dpkg. */
export async function missingPackages(world: World, wanted: readonly string[]): Promise<string[]> {
  const format = `\${Package} \${db:Status-Status}\n`
  const result = await world.processes.run('dpkg-query', ['-W', '-f', format, ...wanted]).catch(notThere)
  const installed = new Set<string>()
  for (const line of result?.stdout.split('\n') ?? []) {
    const [name, status] = line.split(' ')
    if (name && status === 'installed') installed.add(name)
  }
  return wanted.filter((name) => !installed.has(name))
}

export function installCommand(packages: readonly string[]): string[] {
  return ['apt-get', 'install', '-y', '-q', '--no-install-recommends', ...packages]
}

/** Asks nothing. `say` is told before anything changes. */
export async function installPackages(
  world: World,
  packages: readonly string[],
  say: (line: string) => void,
): Promise<void> {
  say(`Installing packages: ${packages.join(' ')}`)
  const lists = (await world.files.list('/var/lib/apt/lists').catch(() => [])).some((name) =>
    name.includes('_Packages'),
  )
  if (!lists) await apt(world, ['apt-get', 'update', '-q'])
  try {
    await apt(world, installCommand(packages))
  } catch {
    // Lists from long ago name versions that are gone: once more with new ones, and that error counts.
    await apt(world, ['apt-get', 'update', '-q'])
    await apt(world, installCommand(packages))
  }
}

/** Certificates are made before anything else is: so this one can't wait for the rest. */
export async function ensureOpenssl(world: World, say: (line: string) => void): Promise<void> {
  const there = await world.processes.run('openssl', ['version']).catch(notThere)
  if (!there) await installPackages(world, ['openssl'], say)
}

async function apt(world: World, [command, ...args]: string[]): Promise<void> {
  const env = { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8', HOME: '/root' }
  const result = await world.processes.run(command!, args, { env, timeoutMs: 900_000 })
  if (result.code === 0) return
  const reason =
    result.stderr
      .split('\n')
      .filter((line) => line.startsWith('E:'))
      .join(' ') || result.stderr.trim()
  throw new CloudError('unavailable', `${[command, ...args].join(' ')} failed: ${reason}`)
}

function notThere(error: unknown): undefined {
  if (error instanceof CloudError && error.type === 'MissingProgram') return undefined
  throw error
}

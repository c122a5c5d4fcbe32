// Which addresses a new cloud's external network has: clouds side by side on one host must not share them, since the
// host itself has the first address of each.

import { CloudError } from '#kit/errors/cloud-error.ts'
import { address, addressPlus, formatAddress } from '#kit/net/address.ts'
import { cidr, cidrHas } from '#kit/net/cidr.ts'
import type { World } from '#kit/world/world.ts'
import { cloudSection } from './settings.ts'

const tries = 200

/** The usual one where no device of the host has an address in it, else the next /24 that is free. */
export async function freePublicCidr(world: World): Promise<string> {
  const { stdout } = await world.processes.run('ip', ['-j', '-4', 'address', 'show'])
  return nextFree(cloudSection.options.publicCidr.default, addressesOf(stdout))
}

export function nextFree(first: string, taken: readonly string[]): string {
  const [network, prefix] = first.split('/') as [string, string]
  const start = address(network)
  for (let index = 0; index < tries; index++) {
    const candidate = `${formatAddress(addressPlus(start, index * 256))}/${prefix}`
    const net = cidr(candidate)
    if (!taken.some((each) => cidrHas(net, address(each)))) return candidate
  }
  throw new CloudError(
    'conflict',
    `No network after ${first} is free on this host: set cloud.public_cidr in nimbo.yaml.`,
  )
}

/** From `ip -j address show`. */
export function addressesOf(text: string): string[] {
  const devices = JSON.parse(text || '[]') as { addr_info?: { local?: string }[] }[]
  return devices.flatMap((device) => (device.addr_info ?? []).flatMap((each) => each.local ?? []))
}

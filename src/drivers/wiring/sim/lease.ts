// dnsmasq's leases: in memory while it runs, in its file for the next one. The file is written behind the answers, one
// write at a time, so that a network of thousands of guests doesn't write as many whole files at once.
import type { World } from '#kit/world/world.ts'

type Lease = { mac: string; address: string; name: string; expiresS: number }

export type Leases = {
  /** Who has the address at this moment. */
  holder(address: string): string | undefined
  give(lease: { mac: string; address: string; name: string; seconds: number }): void
}

export async function openLeases(
  world: World,
  path: string | undefined,
  alive: () => boolean,
): Promise<Leases> {
  const kept = path !== undefined && (await world.files.exists(path)) ? await world.files.readText(path) : ''
  const leases = new Map(readLeases(kept).map((lease) => [lease.address, lease]))
  let writing = false
  let stale = false
  const nowS = () => Math.floor(world.clock.now() / 1000)

  async function write(to: string): Promise<void> {
    writing = true
    try {
      while (stale && alive()) {
        stale = false
        await world.files.write(to, [...leases.values()].map(leaseLine).join(''), { mode: 0o644 })
      }
    } finally {
      writing = false
    }
  }
  const save = () => {
    stale = true
    // A network that is left takes its folder along: a lease that can't be written any more is nobody's.
    if (path !== undefined && !writing) void world.activity.track(write(path).catch(() => {}))
  }
  return {
    holder(address) {
      const lease = leases.get(address)
      return lease && lease.expiresS > nowS() ? lease.mac : undefined
    },
    give({ seconds, ...lease }) {
      leases.set(lease.address, { ...lease, expiresS: nowS() + seconds })
      save()
    },
  }
}

/** 'expiry mac address name client-id', as dnsmasq writes them. */
function leaseLine({ expiresS, mac, address, name }: Lease): string {
  return `${expiresS} ${mac} ${address} ${name} 01:${mac}\n`
}

function readLeases(text: string): Lease[] {
  return text.split('\n').flatMap((line) => {
    const [expiry, mac, address, name] = line.split(' ')
    if (!mac || !address || !name || address.includes(':') || !/^\d+$/.test(expiry!)) return []
    return [{ mac, address, name, expiresS: Number(expiry) }]
  })
}

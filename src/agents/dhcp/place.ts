// Where the DHCP agent keeps a network's files, and which of them others may read.
import type { World } from '#kit/world/world.ts'

export type Places = {
  /** This host's part of the data folder. */
  folder: string
  /** All networks' folders. */
  root: string
  network(networkId: string): string
}

export function placesIn(folder: string): Places {
  const root = `${folder}/neutron/dhcp`
  return { folder, root, network: (networkId) => `${root}/${networkId}` }
}

/**
 * dnsmasq gives up root's rights and later reads its files again as an ordinary user. In a folder that such a user can't
 * reach it has to stay root.
 */
export async function dnsmasqUser(world: World, folder: string): Promise<string | undefined> {
  const others = 0o001
  for (let path = folder; path !== ''; path = path.slice(0, path.lastIndexOf('/'))) {
    const info = await world.files.info(path)
    if (info && (info.mode & others) === 0) return 'root'
  }
  return undefined
}

/** True where the file holds this text already. */
export async function isWritten(world: World, path: string, text: string): Promise<boolean> {
  return (await world.files.exists(path)) && (await world.files.readText(path)) === text
}

// What all parts of this driver share: the world, where files lie, and who guests run as.
// Guests run as a user of their own that owns only what they must write; folders and records stay the agent's.
import { dirname } from 'node:path'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Log } from '#kit/log/log.ts'
import type { World } from '#kit/world/world.ts'
import { computeNodesText, type Layout, openLayout } from './layout.ts'

export const qemuProgram = 'qemu-system-x86_64'

/** No user of Debian's has this number; guests need no entry in /etc/passwd. */
export const defaultGuestUid = 42_427

export type Host = {
  world: World
  log: Log
  name: string
  layout: Layout
  /** Undefined where guests run as ourselves, because we aren't root. */
  owner?: { uid: number; gid: number }
}

export type HostOptions = {
  folder: string
  host: string
  guestUid?: number
  guestGid?: number
  runFolder?: string
}

export async function openHost(world: World, log: Log, options: HostOptions): Promise<Host> {
  const layout = openLayout(options.folder, options.runFolder)
  const root = process.getuid?.() === 0
  const uid = options.guestUid ?? defaultGuestUid
  const host: Host = {
    world,
    log,
    name: options.host,
    layout,
    ...(root ? { owner: { uid, gid: options.guestGid ?? uid } } : {}),
  }
  for (const folder of [layout.folder, layout.baseFolder, layout.lockFolder])
    await world.files.makeFolder(folder, { mode: 0o755 })
  if (options.runFolder) await world.files.makeFolder(options.runFolder, { mode: 0o755 })
  if (host.owner) {
    await openDevice(host, '/dev/kvm') // first: it may change the guests' group
    await openDevice(host, '/dev/net/tun')
    await closeToOthers(host, layout.folder)
    await requireWay(host, layout.baseFolder)
  }
  return host
}

/** Gives a file or folder to the guests' user. */
export async function giveToGuest(host: Host, path: string): Promise<void> {
  if (host.owner) await host.world.files.chown(path, host.owner.uid, host.owner.gid)
}

/** Takes a file back, so that no guest reaches it any more. No error where it is gone. */
export async function takeFromGuest(host: Host, path: string): Promise<void> {
  if (host.owner && (await host.world.files.exists(path))) await host.world.files.chown(path, 0, 0)
}

/**
 * Disks and console logs below have mode rw-r--r-- (row 121), so it is the folder that keeps this machine's other users
 * out. One that isn't root's was made by somebody who decides that for himself.
 */
async function closeToOthers(host: Host, folder: string): Promise<void> {
  const { files } = host.world
  if ((await files.info(folder))?.uid !== 0) return
  await files.chown(folder, 0, host.owner!.gid)
  await files.chmod(folder, 0o750)
}

/** Guests must be able to walk down to their files; better said now than by QEMU's 'Permission denied'. */
async function requireWay(host: Host, path: string): Promise<void> {
  for (let folder = path; ; folder = dirname(folder)) {
    const info = await host.world.files.info(folder)
    const { uid, gid } = host.owner!
    const enters =
      info &&
      (info.mode & 0o001 ||
        (info.uid === uid && info.mode & 0o100) ||
        (info.gid === gid && info.mode & 0o010))
    if (!enters) {
      throw new CloudError(
        'unavailable',
        `Guests run as user ${uid}, who can't enter ${folder}: run 'chmod o+x ${folder}'.`,
      )
    }
    if (folder === '/') return
  }
}

/**
 * Lets the guests' group open a device node that root alone may open, as in containers without udev.
 * For taps that is safe: without CAP_NET_ADMIN one can only attach to a device that one owns.
 */
async function openDevice(host: Host, path: string): Promise<void> {
  const info = await host.world.files.info(path)
  const { gid } = host.owner!
  if (!info || (info.mode & 0o006) === 0o006 || (info.gid === gid && (info.mode & 0o060) === 0o060)) return
  if (info.gid !== 0) {
    host.owner!.gid = info.gid // a group such as kvm: guests join it instead
    return
  }
  await host.world.files.chown(path, info.uid, gid)
  await host.world.files.chmod(path, info.mode | 0o060)
  host.log.info({ path, gid }, "opened a device node to the guests' group")
}

/** Turns what the file system says into a sentence; a full disk is the one that people meet. */
export function fileProblem(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error
  return new CloudError('unavailable', `The disk that holds ${path} is full.`, {
    type: 'DiskFull',
    cause: error,
  })
}

/** Says that this host uses the folder, for those who share it; the same file as Nova's, other hosts' entries kept. */
export async function noteHost(host: Host): Promise<void> {
  const { files, clock } = host.world
  const path = host.layout.computeNodes
  const known = (await files.exists(path))
    ? (JSON.parse(await files.readText(path)) as Record<string, number>)
    : {}
  const text = computeNodesText({ ...known, [host.name]: clock.now() / 1000 })
  await files.write(`${path}.new`, text, { mode: 0o644 })
  await files.rename(`${path}.new`, path)
}

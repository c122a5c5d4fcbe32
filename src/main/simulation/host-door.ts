// Between one simulated host and everything else: its way to the controller, its disk, its clock and its drivers, each of which
// can be made to fail while the host's agents run, and stays so when they are started again.
import type { HttpClient } from '#kit/http/client.ts'
import type { Connection, World } from '#kit/world/world.ts'
import { type DriverDoor, driverDoor } from './driver-fault.ts'
import { type FullDisk, fullDisk } from './full-disk.ts'
import { connectOver, type Link, openLink } from './link.ts'

export type HostDoor = {
  /** The host's: its agents run on it. */
  readonly world: World
  readonly link: Link
  readonly disk: FullDisk
  readonly drivers: DriverDoor
  /** From now on its clock is so far ahead; the result ends it. */
  skew(ms: number): () => void
  client(http: HttpClient): HttpClient
  /** A stream to the controller. */
  connect(open: () => Promise<Connection>): Promise<Connection>
}

export function openHostDoor(outer: World): HostDoor {
  const link = openLink(outer, 'the controller')
  const disk = fullDisk(outer.files)
  let skewMs = 0
  const world: World = {
    ...outer,
    clock: { now: () => outer.clock.now() + skewMs, monotonic: () => outer.clock.monotonic() },
    files: disk.files,
  }
  return {
    world,
    link,
    disk,
    drivers: driverDoor(outer),
    skew(ms) {
      skewMs += ms
      return () => {
        skewMs -= ms
      }
    },
    client: (http) => link.client(http),
    connect: (open) => connectOver(link, open),
  }
}

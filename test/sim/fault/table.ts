// All kinds of faults by name, as a plan and the command line know them.
import { clockJump } from './clock.ts'
import { crashAgent, crashBroker, crashController, losePower } from './crash.ts'
import { busyDatabase, failingStatement, fullDisk } from './disk.ts'
import { failingDriver } from './driver.ts'
import type { Fault } from './fault.ts'
import { brokenConnections, isolation, partition, slowLink } from './network.ts'

export const faults: Readonly<Record<string, Fault>> = {
  'crash-controller': crashController,
  'crash-broker': crashBroker,
  'crash-agent': crashAgent,
  power: losePower,
  partition,
  isolation,
  slow: slowLink,
  break: brokenConnections,
  driver: failingDriver,
  clock: clockJump,
  disk: fullDisk,
  busy: busyDatabase,
  statement: failingStatement,
}

export const faultNames = Object.keys(faults)

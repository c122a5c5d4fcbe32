// All services with their tables, in the order in which their samples are made.
import type { Subject } from './bench.ts'
import { compute } from './subject-compute.ts'
import { identity } from './subject-identity.ts'
import { image } from './subject-image.ts'
import { network } from './subject-network.ts'
import { placement } from './subject-placement.ts'
import { simulation } from './subject-simulation.ts'
import { consolePage, hosts, journal, metadata } from './subject-small.ts'
import { volume } from './subject-volume.ts'

export const subjects: readonly Subject[] = [
  identity,
  image,
  placement,
  network,
  volume,
  compute,
  hosts,
  journal,
  metadata,
  consolePage,
  simulation,
]

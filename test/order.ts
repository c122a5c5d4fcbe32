// In which order test files begin: the longest first, so that none is left alone at the end while one of the processor's
// cores has nothing to do. Only the time of a run depends on it; a style test knows that each file here exists.
import { statSync } from 'node:fs'
import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Seconds on a machine of two cores, of those that take longer than their size tells. */
export const longFiles: Readonly<Record<string, number>> = {
  'test/real/kill.test.ts': 84,
  'test/real/first-cloud.test.ts': 48,
  'test/real/wiring.test.ts': 48,
  'test/sim/mutation/mutation.test.ts': 43,
  'test/real/virt-crash.test.ts': 36,
  'test/sim/seed/kept-odd.test.ts': 35,
  'test/interop/simulation-fault.test.ts': 34,
  'test/interop/openstack-cli.test.ts': 28,
  'test/sim/seed/kept-even.test.ts': 25,
  'test/interop/join.test.ts': 24,
  'test/browser/mq.test.ts': 21,
  'test/real/guest.test.ts': 21,
  'test/real/virt-guest.test.ts': 20,
  'test/sim/simulation.test.ts': 20,
  'test/real/tiny-image.test.ts': 18,
  'test/interop/simulation-snapshot.test.ts': 16,
  'test/cloud/enumeration/tenancy.test.ts': 14,
  'test/interop/client-example.test.ts': 14,
  'test/real/l3.test.ts': 13,
  'test/cloud/enumeration/bad-query.test.ts': 10,
  'test/interop/identity-cli.test.ts': 9,
  'test/interop/glance-cli.test.ts': 8,
  'test/interop/one-process.test.ts': 8,
  'test/interop/identity-login.test.ts': 7,
  'test/real/dhcp.test.ts': 7,
  'test/real/virt.test.ts': 7,
  'test/cloud/enumeration/bad-input.test.ts': 6,
  'src/main/bundle/build.test.ts': 5,
  'src/services/compute/task.test.ts': 5,
  'src/services/compute/bad-input.test.ts': 4,
  'src/services/image/tasks/image-import.test.ts': 4,
  'src/services/volume/bad-input.test.ts': 3,
}

/** Of a file that isn't in the table: what most of its size take. */
const bytesASecond = 20_000
/** A worker is kept for the next file of its own level alone; what another's costs doesn't matter to a file as long as this. */
const longSeconds = 10

export class LongestFirst extends BaseSequencer {
  override async sort(specifications: TestSpecification[]): Promise<TestSpecification[]> {
    const { root } = this.ctx.config
    const ranked = specifications.map((each) => {
      const { name, config } = each.project
      const seconds = longFiles[relative(root, each.moduleId)] ?? statSync(each.moduleId).size / bytesASecond
      const order = config.sequence.groupOrder
      return { each, order, seconds, level: order > 0 && seconds >= longSeconds ? '' : name }
    })
    ranked.sort(
      (a, b) => a.order - b.order || (a.level < b.level ? -1 : a.level > b.level ? 1 : b.seconds - a.seconds),
    )
    return ranked.map(({ each }) => each)
  }
}

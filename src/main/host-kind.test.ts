// Kinds of simulated hosts: which hosts come of them, and what is said of mistakes.
import { describe, expect, it } from 'vitest'
import { hostKindsProblem, simulatedHosts } from './host-kind.ts'

describe('the hosts of a simulated cloud', () => {
  it('are of the usual kind where none is named', () => {
    expect(simulatedHosts({ hosts: 2, hostKinds: [], guestSpeed: 4 })).toEqual([
      { name: 'node1', resources: {}, pace: 0.25 },
      { name: 'node2', resources: {}, pace: 0.25 },
    ])
  })

  it('are those of the kinds first, then others up to their number', () => {
    const hostKinds = [
      { count: 2, vcpus: 8, memory_mb: 1024 },
      { count: 1, disk_gb: 10 },
    ]
    const hosts = simulatedHosts({ hosts: 4, hostKinds, guestSpeed: 1 })
    expect(hosts.map(({ name, resources }) => [name, resources])).toEqual([
      ['node1', { vcpus: 8, memoryMb: 1024 }],
      ['node2', { vcpus: 8, memoryMb: 1024 }],
      ['node3', { diskGb: 10 }],
      ['node4', {}],
    ])
    expect(simulatedHosts({ hosts: 1, hostKinds, guestSpeed: 1 })).toHaveLength(3)
  })

  it.each([
    [[{ count: 1 }], undefined],
    ['three', 'must be a list of kinds'],
    [[3], 'has no kind of host as item 1'],
    [[{ vcpus: 3 }], 'misses count in item 1'],
    [[{ count: 1 }, { count: 1, ram: 3 }], "has an unknown 'ram' in item 2"],
    [[{ count: 0 }], 'takes a whole number from 1 to 1000 for count in item 1, not 0'],
    [[{ count: 1, vcpus: '8' }], 'for vcpus in item 1, not "8"'],
    [[{ count: 600 }, { count: 401 }], 'makes 1001 hosts: 1000 are the most'],
  ])('are checked: %j', (kinds, problem) => {
    if (problem === undefined) expect(hostKindsProblem(kinds)).toBeUndefined()
    else expect(hostKindsProblem(kinds)).toContain(problem)
  })
})

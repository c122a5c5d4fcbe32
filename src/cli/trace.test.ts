// What `nimbo trace` prints of a boot that went well, of one with a hole, and of one that failed.
import { describe, expect, it } from 'vitest'
import { type BootTrace, formatStep, formatTrace } from './trace.ts'

const boot: BootTrace = {
  server: { id: '8367', name: 'hello', status: 'ACTIVE' },
  phases: [
    {
      name: 'Authentication',
      steps: [
        {
          number: 1,
          title: 'Client asks for a token',
          service: 'keystone',
          kind: 'REST',
          id: 'req-1',
          startMs: 0,
          durationMs: 61.24,
          outcome: 'ok',
        },
      ],
    },
    {
      name: 'Scheduling',
      steps: [
        {
          number: 10,
          title: 'Scheduler computes hosts',
          service: 'nova-scheduler',
          kind: 'DB',
          startMs: 70,
          durationMs: 3,
          outcome: 'ok',
          substeps: [
            {
              title: 'Placement candidates',
              service: 'placement-api',
              kind: 'REST',
              id: 'req-2',
              startMs: 70.5,
              durationMs: 1.5,
              outcome: 'ok',
            },
          ],
        },
      ],
    },
  ],
}
const plain = { colors: false }

describe('formatTrace', () => {
  it('lists steps under their phases in columns, with sub-steps indented', () => {
    expect(formatTrace(boot, plain).join('\n')).toBe(
      [
        'Boot of server hello (8367, ACTIVE)',
        '',
        'Authentication',
        '   1  Client asks for a token   keystone        REST  req-1   +0.0 ms  61.2 ms',
        '',
        'Scheduling',
        '  10  Scheduler computes hosts  nova-scheduler  DB           +70.0 ms   3.0 ms',
        '        Placement candidates    placement-api   REST  req-2  +70.5 ms   1.5 ms',
        '',
        '2 of 2 steps in 0.07 s',
      ].join('\n'),
    )
  })

  it('says which steps nobody recorded', () => {
    const hole = {
      ...boot,
      phases: [{ name: 'Authentication', steps: [{ number: 2, title: 'Token is returned', missing: true }] }],
    }
    const lines = formatTrace(hole, plain)
    expect(lines[3]).toContain('missing')
    expect(lines.at(-1)).toBe('0 of 1 steps in 0.00 s; not recorded: 2')
  })

  it('shows the failing step with its reason, in red where a person looks', () => {
    const failed: BootTrace = {
      ...boot,
      phases: [
        {
          name: 'Build',
          steps: [
            {
              number: 25,
              title: 'Network',
              service: 'neutron-server',
              kind: 'REST',
              outcome: 'error',
              error: 'No more IP addresses',
            },
          ],
        },
      ],
    }
    expect(formatTrace(failed, plain)).toContain('      failed: No more IP addresses')
    expect(formatTrace(failed, { colors: true }).join('')).toContain('\u001b[31m')
    expect(formatTrace(failed, plain).join('')).not.toContain('\u001b')
  })

  it('gives a watched step one line', () => {
    expect(formatStep(boot.phases[0]!.steps[0]!, plain)).toMatch(
      /^ +1 {2}Client asks for a token +keystone, REST +61\.2 ms$/,
    )
  })
})

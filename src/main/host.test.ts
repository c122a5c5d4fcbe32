// What doctor finds, which packages are missing, and the units for systemd.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { describe, expect, it } from 'vitest'
import { virtualWorld } from '#kit/world/virtual.ts'
import type { World } from '#kit/world/world.ts'
import { prepareCloud } from './data-folder.ts'
import { examine } from './doctor.ts'
import { missingPackages, parseDistribution } from './package.ts'
import { portsFrom } from './port.ts'
import { installUnits, unitText } from './systemd.ts'
import { formatFindings } from './verb/doctor.ts'
import { absolute } from './verb.ts'

/** A machine with so much free memory and disk. */
function machine(memoryMiB: number, diskMiB: number): World {
  const world = virtualWorld()
  const readText = async () => `MemTotal: 99 kB\nMemAvailable:   ${memoryMiB * 1024} kB\n`
  const space = async () => ({ freeBytes: diskMiB * 1024 * 1024, totalBytes: 0 })
  return { ...world, files: { ...world.files, readText, space } }
}
const question = { dataPlane: 'sim', root: '/nowhere/at/all', listen: '127.0.0.1' } as const
const states = (findings: { check: string; state: string }[]) =>
  Object.fromEntries(findings.map(({ check, state }) => [check, state]))

describe('doctor', () => {
  it.each([
    [8000, 9000, 'ok', 'ok'],
    [1000, 1000, 'warning', 'warning'],
    [100, 100, 'problem', 'problem'],
  ])('judges %i MiB of memory and %i MiB of disk', async (memory, disk, memoryState, diskState) => {
    expect(states(await examine(machine(memory, disk), question))).toEqual({
      memory: memoryState,
      disk: diskState,
    })
  })

  it('names the ports that something else has, with a remedy', async () => {
    const world = machine(8000, 9000)
    const ports = portsFrom(20000)
    expect(states(await examine(world, { ...question, ports }))).toMatchObject({ ports: 'ok' })
    await world.sockets.listen({ host: '127.0.0.1', port: 20003 }, () => {})
    const finding = (await examine(world, { ...question, ports })).find(({ check }) => check === 'ports')!
    expect(finding).toMatchObject({ state: 'problem', text: 'Ports in use by something else: 20003.' })
    expect(formatFindings([finding], { colors: false })[1]).toContain('--port-base')
  })
})

describe('packages', () => {
  it.each([
    [
      'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
      { id: 'debian', version: '12', supported: true },
    ],
    [
      'PRETTY_NAME="Ubuntu 24.04.1 LTS"\nVERSION_ID="24.04"\nID=ubuntu\nID_LIKE=debian\n',
      { id: 'ubuntu', version: '24.04', supported: true },
    ],
    ['ID=debian\nVERSION_ID="11"\n', { id: 'debian', supported: false }],
    ['', { id: 'unknown', supported: false }],
  ])('knows the system by os-release: %j', (text, expected) => {
    expect(parseDistribution(text)).toMatchObject(expected)
  })

  it('tells what dpkg does not have installed', async () => {
    expect(await missingPackages(virtualWorld(), ['dpkg', 'no-such-package-at-all'])).toEqual([
      'no-such-package-at-all',
    ])
  })
})

describe('systemd', () => {
  it('starts a role as the supervisor would, and leaves guests alone when it stops', () => {
    const text = unitText('agent', ['/opt/my cloud/node', '/n/main.ts', 'agent', '--data', '/var/lib/50%'])
    expect(text).toContain('ExecStart="/opt/my cloud/node" /n/main.ts agent --data /var/lib/50%%\n')
    for (const line of ['KillMode=process', 'OOMPolicy=continue', 'TasksMax=infinity'])
      expect(text.split('\n')).toContain(line)
    expect(text).toContain('RestartPreventExitStatus=78\n')
  })

  it('gets one unit for each role', async () => {
    const folder = mkdtempSync(`${tmpdir()}/nimbo-units-`)
    try {
      const world = virtualWorld()
      const cloud = await prepareCloud(world, `${folder}/cloud`, {})
      const paths = await installUnits(world, cloud, ['/node', '/main.ts'], folder)
      expect(paths).toEqual([`${folder}/nimbo-controller.service`, `${folder}/nimbo-agent.service`])
      expect(readFileSync(paths[0]!, 'utf8')).toContain(
        `ExecStart=/node /main.ts controller --data ${folder}/cloud\n`,
      )
      await expect(installUnits(world, cloud, [], `${folder}/absent`)).rejects.toThrow('is systemd installed')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

it('takes paths of the command line from where one stands', () => {
  expect(absolute('../x/./y', '/a/b')).toBe('/a/x/y')
  expect(absolute('/x//y/', '/a')).toBe('/x/y')
})

// The examples of docs/guide/clients.md, run as they stand with Debian's clients.
import { cpSync, mkdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePortRow } from '#test/port.ts'
import { type LiveCloud, prepareLiveCloud, succeeded, world } from './live-cloud.ts'

const root = new URL('../..', import.meta.url).pathname
const examples = `${root}docs/example`

// Beside each other: the one waits for what the other computes.
describe.concurrent('examples for other people’s clients', () => {
  let cloud: LiveCloud
  beforeAll(async () => {
    cloud = await prepareLiveCloud('example', 'sim')
    succeeded(await cloud.up('--hosts', '2'))
  }, 120_000)
  afterAll(() => cloud?.destroy(), 60_000)

  const run = async (line: readonly string[], env: Record<string, string>, cwd?: string) => {
    const [command, ...args] = line
    const { PATH = '', HOME = '/root' } = process.env
    const clouds = { OS_CLIENT_CONFIG_FILE: `${cloud.root}/clouds.yaml`, OS_CLOUD: 'nimbo-demo' }
    const ran = await world.processes.run(command!, args, {
      env: { PATH, HOME, ...clouds, ...env },
      cwd,
      timeoutMs: 280_000,
    })
    return succeeded({ ...ran, line: line.join(' ') }).stdout
  }

  test('openstacksdk: a suite that raises its own cloud', async () => {
    const port = String(await freePortRow())
    const pytest = ['/usr/bin/python3', '-m', 'pytest', '-q', '-p', 'no:cacheprovider', '.']
    const env = { NIMBO: `${root}nimbo`, NIMBO_PORT_BASE: port, PYTHONDONTWRITEBYTECODE: '1' }
    expect(await run(pytest, env, `${examples}/openstacksdk`)).toContain('3 passed')
  })

  test('gophercloud: what Terraform’s provider stands on', async ({ skip }) => {
    const sources = '/usr/share/gocode'
    const here = await world.files.exists(`${sources}/src/github.com/gophercloud/utils`)
    if (!here) skip("Debian's gophercloud packages are not installed")
    const path = `${cloud.folder}/go/src`
    mkdirSync(path, { recursive: true })
    cpSync(`${examples}/gophercloud`, `${path}/stack`, { recursive: true })
    const env = { GO111MODULE: 'off', GOPATH: `${cloud.folder}/go:${sources}`, GOFLAGS: '' }
    expect(await run(['go', 'test', '.'], env, `${path}/stack`)).toContain('ok')
    expect(await cloud.json('demo', 'router', 'list')).toHaveLength(1)
  })
})

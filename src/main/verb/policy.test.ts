// `nimbo policy check` and `list`, as an operator meets them before a file is put in force.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { realWorld } from '#kit/world/real.ts'
import { invoke } from '../verb.ts'
import { policy } from './policy.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nimbo-policy-verb-'))
})
afterEach(() => rmSync(root, { recursive: true }))

async function run(...args: string[]) {
  const lines: string[] = []
  const terminal = { print: (line: string) => void lines.push(line), say() {}, colors: false }
  const exit = await invoke(policy, [...args, '--data', root], {
    world: realWorld(),
    terminal,
    program: [] as never,
  })
  return { exit, lines }
}

function write(name: string, text: string): string {
  const path = join(root, 'policy', name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, text)
  return path
}

describe('nimbo policy check', () => {
  it('says what is refused, with its place, and fails', async () => {
    write('compute.yaml', 'context_is_admin: role:admin or\n')
    expect(await run('check')).toEqual({
      exit: 1,
      lines: [
        'compute.yaml:1:1: context_is_admin: it ends where a check is expected',
        "compute.yaml: refused as compute's policy",
      ],
    })
  })

  it('tells what is doubtful: unknown rules, older names, what says nothing new, files of nobody', async () => {
    write('compute.yaml', 'os_compute_api:os-hypervisors: role:reader\nos_compute_api:limit: "@"\n')
    write('network.d/a.yaml', 'admin_only: rule:context_is_admin\n')
    write('nova.yaml', '')
    const { exit, lines } = await run('check')
    expect(exit).toBe(0)
    const text = lines.join('\n')
    expect(text).toContain(
      'compute.yaml:1:1: rule os_compute_api:os-hypervisors is now called os_compute_api:os-hypervisors:list',
    )
    expect(text).toContain(
      'compute.yaml:2:1: nothing asks for rule os_compute_api:limit; did you mean os_compute_api:limits?',
    )
    expect(text).toContain('network.d/a.yaml:1:1: admin_only says what is built in anyway')
    expect(text).toContain('network.d/a.yaml: 1 rule for network, in order')
    expect(text).toContain(
      'nova.yaml: not read: a policy file is called SERVICE.yaml or lies in SERVICE.d; did you mean compute?',
    )
  })

  it('judges one file, wherever it lies, by its name or as said', async () => {
    const path = write('../volume.yaml', 'admin_api: role:boss')
    expect(await run('check', path)).toMatchObject({
      exit: 0,
      lines: [expect.stringContaining('1 rule for volume')],
    })
    expect(await run('check', path, '--service', 'journal')).toMatchObject({
      lines: [
        expect.stringContaining('nothing asks for rule admin_api'),
        expect.stringContaining('1 doubtful'),
      ],
    })
    await expect(run('check', write('../other.yaml', ''))).rejects.toThrow("There is no service 'other'")
    await expect(run('check', join(root, 'image.yaml'))).rejects.toThrow('There is no file')
  })

  it('has nothing to say where there are no files', async () => {
    expect(await run('check')).toMatchObject({
      exit: 0,
      lines: [expect.stringContaining('holds no policy files')],
    })
  })
})

describe('nimbo policy list', () => {
  it('shows each rule of a service as it is in force, and where it is from', async () => {
    write('hosts.yaml', 'hosts:list: role:reader')
    const { lines } = await run('list', 'hosts')
    expect(lines[0]).toMatch(/^RULE +CHECK +SCOPES +FROM$/)
    expect(lines[1]).toMatch(/^hosts:list +role:reader +system project +hosts\.yaml:1:1$/)
    expect(lines[2]).toMatch(/^hosts:update +role:admin +system project +built in$/)
  })

  it('shows one rule with the calls that it guards, and all of them for programs', async () => {
    const { lines } = await run('list', 'compute', 'os_compute_api:servers:create')
    expect(lines).toContain('operations  POST /v2.1/servers')
    await expect(run('list', 'compute', 'os_compute_api:servers:creat')).rejects.toThrow(
      'did you mean os_compute_api:servers:create?',
    )
    const { rules } = JSON.parse((await run('list', '--json')).lines.join('\n'))
    const services = new Set(rules.map((each: { service: string }) => each.service))
    expect([...services]).toEqual(
      expect.arrayContaining(['identity', 'image', 'placement', 'compute', 'network', 'volume']),
    )
    for (const { rule, description } of rules) expect(description, rule).not.toBe('')
  })
})

// A cloud's folder at first start, at later starts, and where it must not go.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { virtualWorld } from '#kit/world/virtual.ts'
import { parseYaml } from '#kit/yaml/yaml.ts'
import { cloudsYaml, loginOf, openrc, writeCredentials } from './credential.ts'
import { dataFolder, defaultRoot, prepareCloud, prepareFolder, readCloud } from './data-folder.ts'
import { publicNetwork } from './first-cloud.ts'
import { writeMember } from './member.ts'
import { portsFrom, usualPorts } from './port.ts'
import { isGenerated, secretNames } from './secret.ts'

let parent: string
let root: string
const world = virtualWorld()
beforeEach(() => {
  parent = mkdtempSync(`${tmpdir()}/nimbo-data-`)
  root = `${parent}/cloud`
})
afterEach(() => rmSync(parent, { recursive: true }))

describe('the first start', () => {
  it('makes a different secret for each purpose, for the owner alone', async () => {
    const { secrets } = await prepareCloud(world, root, {})
    expect(new Set(Object.values(secrets)).size).toBe(secretNames.length)
    for (const secret of Object.values(secrets)) expect(secret).toMatch(/^[A-Za-z0-9]{24}$/)
    expect(statSync(`${root}/secrets.json`).mode & 0o777).toBe(0o600)
    // One in fifty lacks a digit or a capital.
    const known = Object.values(secrets).filter(isGenerated)
    expect(known.length).toBeGreaterThan(secretNames.length / 2)
  })

  it('writes what the command line chose into nimbo.yaml, and only then', async () => {
    await prepareCloud(world, root, { dataPlane: 'sim', hosts: 3, portBase: 20000 })
    const text = readFileSync(`${root}/nimbo.yaml`, 'utf8')
    expect(parseYaml(text, 'nimbo.yaml').value).toEqual({
      cloud: { data_plane: 'sim', hosts: 3, port_base: 20000 },
    })
    await prepareCloud(world, `${parent}/other`, {})
    expect(() => readFileSync(`${parent}/other/nimbo.yaml`)).toThrow('ENOENT')
  })

  it('refuses a folder that holds other things, and leaves them alone', async () => {
    mkdirSync(root)
    writeFileSync(`${root}/thesis.txt`, 'precious')
    await expect(prepareCloud(world, root, {})).rejects.toThrow('holds other things (thesis.txt)')
    expect(readFileSync(`${root}/thesis.txt`, 'utf8')).toBe('precious')
  })

  it('takes a folder that was given its nimbo.yaml beforehand', async () => {
    mkdirSync(root)
    writeFileSync(`${root}/nimbo.yaml`, 'cloud: { region: Here }\ncompute: { anything: 1 }\n')
    const cloud = await prepareCloud(world, root, {})
    expect(cloud.settings.region).toBe('Here')
    expect(cloud.configText).toContain('anything')
  })

  it('adds what the command line chose to such a nimbo.yaml, and changes nothing else in it', async () => {
    mkdirSync(root)
    writeFileSync(
      `${root}/nimbo.yaml`,
      '# mine\ncloud:\n  region: Here # by the sea\nimage: { cache: true }\n',
    )
    const { settings } = await prepareCloud(world, root, { dataPlane: 'sim', portBase: 20000 })
    expect(settings).toMatchObject({ region: 'Here', dataPlane: 'sim', portBase: 20000 })
    const text = readFileSync(`${root}/nimbo.yaml`, 'utf8')
    expect(text).toContain('# mine\n')
    expect(text).toContain('Here # by the sea\n')
    expect(parseYaml(text, 'nimbo.yaml').value).toEqual({
      cloud: { region: 'Here', data_plane: 'sim', port_base: 20000 },
      image: { cache: true },
    })
  })

  it('refuses a command line that says other things than the nimbo.yaml given beforehand', async () => {
    mkdirSync(root)
    writeFileSync(`${root}/nimbo.yaml`, 'cloud: { hosts: 2 }\n')
    await expect(prepareCloud(world, root, { hosts: 3, portBase: 20000 })).rejects.toThrow(
      'set up with hosts 2, not 3',
    )
    expect(readFileSync(`${root}/nimbo.yaml`, 'utf8')).toBe('cloud: { hosts: 2 }\n')
  })
})

describe('a later start', () => {
  it.each(['secret', 'correcthorsebatterystapl', 'Correct-Horse-Battery-42', 'CorrectHorseBatteryStaple42'])(
    'takes no word of an operator for a secret that it made: %s',
    (word) => expect(isGenerated(word)).toBe(false),
  )

  it('finds the same secrets and settings, and adds secrets that a newer version needs', async () => {
    const first = await prepareCloud(world, root, { hosts: 2, dataPlane: 'sim' })
    const { demo, ...rest } = first.secrets
    writeFileSync(`${root}/secrets.json`, JSON.stringify(rest))
    const second = await readCloud(world, root)
    expect(second.secrets).toMatchObject(rest)
    expect(second.secrets.demo).not.toBe(demo)
    expect(second.settings).toEqual(first.settings)
  })

  it('refuses to turn into another cloud by a different option', async () => {
    await prepareCloud(world, root, { portBase: 20000 })
    await expect(prepareCloud(world, root, { portBase: 30000 })).rejects.toThrow(
      'set up with port_base 20000, not 30000',
    )
  })

  it('tells a mistake in nimbo.yaml with its place', async () => {
    await prepareCloud(world, root, {})
    writeFileSync(`${root}/nimbo.yaml`, 'cloud:\n  prot_base: 1\n')
    await expect(readCloud(world, root)).rejects.toThrow(
      'unknown option cloud.prot_base; did you mean port_base?',
    )
  })

  it('says that there is no cloud where there is none', async () => {
    await expect(readCloud(world, root)).rejects.toMatchObject({ kind: 'notFound', type: 'NoCloud' })
  })
})

describe('credentials', () => {
  it('are written for the owner alone', async () => {
    const cloud = await prepareCloud(world, root, { portBase: 20000 })
    await writeCredentials(world, cloud)
    for (const name of ['admin-openrc', 'demo-openrc', 'clouds.yaml']) {
      expect(statSync(`${root}/${name}`).mode & 0o777).toBe(0o600)
      expect(readFileSync(`${root}/${name}`, 'utf8')).toContain('http://127.0.0.1:20000/v3')
    }
  })

  it('hold what the stock clients ask for', async () => {
    const cloud = await prepareCloud(world, root, {})
    const admin = loginOf(cloud, 'admin')
    expect(openrc(admin).split('\n')).toContain(`export OS_PASSWORD='${cloud.secrets.admin}'`)
    expect(openrc(admin).split('\n')).toContain("export OS_AUTH_URL='http://127.0.0.1:5000/v3'")
    const { clouds } = parseYaml(cloudsYaml(admin, loginOf(cloud, 'demo')), 'clouds.yaml').value as {
      clouds: Record<string, { auth: object; region_name: string }>
    }
    expect(clouds['nimbo-demo']).toMatchObject({
      region_name: 'RegionOne',
      auth: { username: 'demo', project_name: 'demo', password: cloud.secrets.demo },
    })
  })
})

describe('the folder of a host that joins', () => {
  it('is no cloud of its own where joining was cut off, and has no secrets', async () => {
    await prepareFolder(world, dataFolder(root), true)
    await expect(readCloud(world, root)).rejects.toMatchObject({ kind: 'conflict', type: 'HalfJoined' })
    await expect(prepareCloud(world, root, {})).rejects.toMatchObject({ type: 'HalfJoined' })
    expect(existsSync(`${root}/secrets.json`)).toBe(false)
  })

  it('says where the secrets are that it has not', async () => {
    await prepareFolder(world, dataFolder(root), true)
    const bus = { user: 'agent@node2', password: 'secret' }
    const known = { host: 'node2', controller: 'cloud.example', cloudId: 'c1', ports: usualPorts, bus }
    await writeMember(world, root, { ...known, metadataSecret: 'shared' })
    expect(statSync(`${root}/member.json`).mode & 0o777).toBe(0o600)
    const cloud = await readCloud(world, root)
    expect(cloud.member).toMatchObject({ host: 'node2', controller: 'cloud.example' })
    for (const name of secretNames) expect(() => cloud.secrets[name], name).toThrow('cloud.example')
    expect(() => loginOf(cloud, 'admin')).toThrow('on the controller')
    expect(existsSync(`${root}/secrets.json`)).toBe(false)
  })
})

describe('places and ports', () => {
  it("keeps root's clouds with the system's state, others' with their own", () => {
    expect(defaultRoot({ HOME: '/root' }, 0)).toBe('/var/lib/nimbo')
    expect(defaultRoot({ HOME: '/home/ann' }, 1000)).toBe('/home/ann/.local/share/nimbo')
    expect(defaultRoot({ HOME: '/home/ann', XDG_DATA_HOME: '/data' }, 1000)).toBe('/data/nimbo')
    expect(() => defaultRoot({}, 1000)).toThrow('--data')
  })

  it("listens on OpenStack's ports, or on a row of different ones", () => {
    expect(portsFrom(0)).toBe(usualPorts)
    const row = Object.values(portsFrom(20000))
    expect(row[0]).toBe(20000)
    expect(new Set(row).size).toBe(Object.keys(usualPorts).length)
  })

  it('gives the host the first public address and the rest to routers and floating IPs', async () => {
    const cloud = await prepareCloud(world, root, { publicCidr: '203.0.113.0/24' })
    expect(publicNetwork(cloud)).toMatchObject({
      cidr: '203.0.113.0/24',
      gateway: '203.0.113.1',
      first: '203.0.113.2',
      last: '203.0.113.254',
    })
  })
})

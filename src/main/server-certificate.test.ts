// When the APIs speak TLS, and the certificate that they show: its names, its renewal, what clients are told to trust.
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { endOf, isNamedIn } from '#kit/certificate/authority.ts'
import { silentLog } from '#kit/log/log.ts'
import { type VirtualWorld, virtualWorld } from '#kit/world/virtual.ts'
import { parseYaml } from '#kit/yaml/yaml.ts'
import { cloudHttp, originOf, ownAddress, publicOrigin, trustedAuthority, usesTls } from './api.ts'
import { cloudsYaml, loginOf, openrc } from './credential.ts'
import { type Cloud, prepareCloud } from './data-folder.ts'
import { tlsFindings } from './doctor-tls.ts'
import { keepServerCertificate, serverCertificate } from './server-certificate.ts'
import type { CloudSettings } from './settings.ts'

const dayMs = 86_400_000
let parent: string
let world: VirtualWorld
beforeEach(() => {
  parent = mkdtempSync(`${tmpdir()}/nimbo-tls-`)
  world = virtualWorld()
})
afterEach(() => rmSync(parent, { recursive: true }))

const open: Partial<CloudSettings> = { listen: '0.0.0.0', publicHost: 'cloud.example' }
const cloudWith = (given: Partial<CloudSettings>, name = 'cloud') =>
  prepareCloud(world, `${parent}/${name}`, given)

describe('TLS of the APIs', () => {
  it('is on as soon as others could listen in, and off where nobody can', () => {
    for (const listen of ['127.0.0.1', '127.0.0.5', '::1', 'localhost'])
      expect(usesTls({ listen, tls: undefined }), listen).toBe(false)
    for (const listen of ['0.0.0.0', '::', '192.0.2.1', 'cloud.example'])
      expect(usesTls({ listen, tls: undefined }), listen).toBe(true)
    expect(usesTls({ listen: '127.0.0.1', tls: true })).toBe(true)
    expect(usesTls({ listen: '0.0.0.0', tls: false })).toBe(false)
  })

  it('is in the addresses that the catalog has, and that this machine itself uses', async () => {
    const cloud = await cloudWith(open)
    expect(publicOrigin(cloud, 'compute')).toBe('https://cloud.example:8774')
    expect(publicOrigin(await cloudWith({}, 'local'), 'compute')).toBe('http://127.0.0.1:8774')
    expect(originOf(cloud.settings, '2001:db8::1', 8774)).toBe('https://[2001:db8::1]:8774')
    expect([ownAddress('0.0.0.0'), ownAddress('::'), ownAddress('192.0.2.1')]).toEqual([
      '127.0.0.1',
      '::1',
      '192.0.2.1',
    ])
  })

  it('is told to stock clients, with the file that they are to trust', async () => {
    const cloud = await cloudWith(open)
    const [admin, demo] = [loginOf(cloud, 'admin'), loginOf(cloud, 'demo')]
    expect(openrc(admin)).toContain("export OS_AUTH_URL='https://cloud.example:5000/v3'\n")
    expect(openrc(admin)).toContain(`export OS_CACERT='${parent}/cloud/tls/ca.pem'\n`)
    const { clouds } = parseYaml(cloudsYaml(admin, demo), 'clouds.yaml').value as {
      clouds: Record<string, { cacert?: string }>
    }
    expect(clouds['nimbo-demo']!.cacert).toBe(`${parent}/cloud/tls/ca.pem`)
    const local = loginOf(await cloudWith({}, 'local'), 'admin')
    expect(openrc(local)).not.toContain('CACERT')
    expect(cloudsYaml(local, local)).not.toContain('cacert')
  })

  it("has to wait for the authority's first certificate", async () => {
    const cloud = await cloudWith(open)
    await expect(cloudHttp(world, cloud)).rejects.toMatchObject({ kind: 'unavailable' })
    await serverCertificate(world, cloud)
    expect(await trustedAuthority(world, cloud)).toBe(readFileSync(cloud.folder.authority, 'utf8'))
    expect(await trustedAuthority(world, await cloudWith({}, 'local'))).toBeUndefined()
  })
})

describe('nimbo doctor', () => {
  it('says who can listen in, and which certificate ends', async () => {
    expect(await tlsFindings(world, await cloudWith({}, 'local'))).toEqual([])
    const plain = await cloudWith({ ...open, tls: false }, 'plain')
    expect(await tlsFindings(world, plain)).toMatchObject([
      { state: 'warning', text: expect.stringContaining('0.0.0.0') },
    ])
    const cloud = await cloudWith(open)
    await serverCertificate(world, cloud)
    expect(await tlsFindings(world, cloud)).toMatchObject([{ state: 'ok' }, { state: 'ok' }])
    await world.advance(91 * dayMs)
    expect(await tlsFindings(world, cloud)).toMatchObject([{ state: 'ok' }, { state: 'problem' }])
    await world.advance(9.2 * 365 * dayMs)
    expect((await tlsFindings(world, cloud))[0]).toMatchObject({
      state: 'warning',
      remedy: expect.any(String),
    })
  })
})

describe("the APIs' certificate", () => {
  const certificate = async (cloud: Cloud) => String((await serverCertificate(world, cloud)).cert)

  it('has every name of the cloud, and a key for the owner alone', async () => {
    const made = await cloudWith(open)
    const cloud = { ...made, settings: { ...made.settings, tlsNames: ['lb.example', '198.51.100.7'] } }
    const cert = await certificate(cloud)
    for (const name of ['cloud.example', 'lb.example', '198.51.100.7', 'localhost', '127.0.0.1', 'node1'])
      expect(isNamedIn(cert, name), name).toBe(true)
    expect(isNamedIn(cert, 'other.example')).toBe(false)
    expect(statSync(`${cloud.folder.tls}/server.key`).mode & 0o777).toBe(0o600)
    expect(statSync(`${cloud.folder.tls}/ca.key`).mode & 0o777).toBe(0o600)
  })

  it('stays while it lasts, and is made anew when the cloud gets another name', async () => {
    const cloud = await cloudWith(open)
    const first = await certificate(cloud)
    expect(await certificate(cloud)).toBe(first)
    const renamed = { ...cloud, settings: { ...cloud.settings, publicHost: 'renamed.example' } }
    const second = await certificate(renamed)
    expect(isNamedIn(second, 'renamed.example')).toBe(true)
    expect(await certificate(renamed)).toBe(second)
  })

  it('is renewed before it ends, while the cloud runs', async () => {
    const cloud = await cloudWith(open)
    const first = await serverCertificate(world, cloud)
    expect(endOf(String(first.cert)) - world.clock.now()).toBe(90 * dayMs)
    const shown: string[] = []
    const keeping = keepServerCertificate(world, silentLog, cloud, first, ({ cert }) =>
      shown.push(String(cert)),
    )
    await world.advance(59 * dayMs)
    expect(shown).toEqual([])
    await world.advance(2 * dayMs)
    expect(shown).toHaveLength(1)
    expect(endOf(shown[0]!) - world.clock.now()).toBeGreaterThan(88 * dayMs)
    await keeping.stop()
  })

  it('is made again with its key where either is lost', async () => {
    const cloud = await cloudWith(open)
    const first = await certificate(cloud)
    rmSync(`${cloud.folder.tls}/server.key`)
    const second = await certificate(cloud)
    expect(second).not.toBe(first)
    rmSync(`${cloud.folder.tls}/server.pem`)
    expect(await certificate(cloud)).not.toBe(second)
  })
})

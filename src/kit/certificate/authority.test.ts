// An authority with the real openssl, judged by Node's own TLS and by what openssl says of it.
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { virtualWorld } from '../world/virtual.ts'
import { endOf, fingerprintOf, isNamedIn, openAuthority } from './authority.ts'
import { certificateTime, leafExtensions, makeKey, makeRequest } from './openssl.ts'

const dayMs = 86_400_000
let folder: string
beforeEach(() => {
  folder = mkdtempSync(`${tmpdir()}/nimbo-authority-`)
})
afterEach(() => rmSync(folder, { recursive: true }))

async function request(world = virtualWorld(), name = 'node2') {
  await makeKey(world, `${folder}/host.key`)
  return makeRequest(world, `${folder}/host.key`, name)
}

describe('an authority', () => {
  it('is made once, with a key for the owner alone', async () => {
    const world = virtualWorld()
    const first = await openAuthority(world, folder, 'Nimbo cloud')
    const again = await openAuthority(world, folder, 'another name')
    expect(again.certificate).toBe(first.certificate)
    expect(first.fingerprint).toBe(fingerprintOf(readFileSync(`${folder}/ca.pem`, 'utf8')))
    expect(statSync(`${folder}/ca.key`).mode & 0o777).toBe(0o600)
    const { ca, subject, validTo } = new X509Certificate(first.certificate)
    expect({ ca, subject }).toEqual({ ca: true, subject: 'CN=Nimbo cloud' })
    expect(Date.parse(validTo) - world.clock.now()).toBeGreaterThan(3_600 * dayMs)
  })

  it('signs a server by its names, for as long as it is told', async () => {
    const world = virtualWorld()
    const authority = await openAuthority(world, folder, 'Nimbo cloud')
    const order = { commonName: 'node1', usage: 'server', validMs: 90 * dayMs } as const
    const names = ['cloud.example', '192.0.2.1', '::1']
    const pem = await authority.issue({ ...order, names, request: await request() })
    const made = new X509Certificate(pem)
    expect(made.verify(new X509Certificate(authority.certificate).publicKey)).toBe(true)
    expect(made.ca).toBe(false)
    for (const name of names) expect(isNamedIn(pem, name), name).toBe(true)
    for (const name of ['192.0.2.2', 'example', 'evil.example']) expect(isNamedIn(pem, name)).toBe(false)
    expect(endOf(pem) - world.clock.now()).toBe(90 * dayMs)
    expect(Date.parse(made.validFrom)).toBeLessThan(world.clock.now())
  })

  it('decides itself what it signs, whatever a request calls itself', async () => {
    const authority = await openAuthority(virtualWorld(), folder, 'Nimbo cloud')
    const order = { commonName: 'node2', usage: 'client', validMs: dayMs } as const
    const made = new X509Certificate(
      await authority.issue({ ...order, request: await request(virtualWorld(), 'admin') }),
    )
    expect(made.subject).toBe('CN=node2')
    // id-kp-clientAuth alone: it is no server's.
    expect(made.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2'])
  })

  it('refuses what is no request, one that another key signed, and names that say more than a name', async () => {
    const authority = await openAuthority(virtualWorld(), folder, 'Nimbo cloud')
    const order = { commonName: 'node2', usage: 'client', validMs: dayMs } as const
    const good = await request()
    const lines = good.trim().split('\n')
    const der = Buffer.from(lines.slice(1, -1).join(''), 'base64')
    der[der.length - 1]! ^= 1
    const forged = `${lines[0]}\n${der.toString('base64')}\n${lines.at(-1)}\n`
    for (const bad of ['', 'hello', good.slice(0, 200), forged, `${good}${'A'.repeat(9000)}`])
      await expect(authority.issue({ ...order, request: bad })).rejects.toMatchObject({ kind: 'badRequest' })
    for (const commonName of ['', 'a/CN=b', 'x'.repeat(65), 'a\nb'])
      await expect(authority.issue({ ...order, request: good, commonName })).rejects.toMatchObject({
        kind: 'badRequest',
      })
    await expect(
      authority.issue({ ...order, request: good, names: ['ok.example\nbasicConstraints=CA:TRUE'] }),
    ).rejects.toMatchObject({ kind: 'badRequest' })
    // Nothing is left of what was refused.
    expect(readdirSync(folder).filter((name) => name.startsWith('order-'))).toEqual([])
  })

  it('signs many at the same time, each with a number of its own', async () => {
    const authority = await openAuthority(virtualWorld(), folder, 'Nimbo cloud')
    const one = await request()
    const order = { request: one, usage: 'client', validMs: dayMs } as const
    const names = Array.from({ length: 5 }, (_, index) => `node${index}`)
    const made = await Promise.all(
      names.map(async (commonName) => new X509Certificate(await authority.issue({ ...order, commonName }))),
    )
    expect(made.map(({ subject }) => subject)).toEqual(names.map((name) => `CN=${name}`))
    expect(new Set(made.map(({ serialNumber }) => serialNumber)).size).toBe(5)
  })

  it('goes on in a folder that was moved', async () => {
    await openAuthority(virtualWorld(), `${folder}/one`, 'Nimbo cloud')
    renameSync(`${folder}/one`, `${folder}/two`)
    const again = await openAuthority(virtualWorld(), `${folder}/two`, 'Nimbo cloud')
    const order = { commonName: 'node2', usage: 'client', validMs: dayMs } as const
    await expect(again.issue({ ...order, request: await request() })).resolves.toContain('BEGIN CERTIFICATE')
  })
})

describe('what openssl is told', () => {
  it('has dates in its own form', () => {
    expect(certificateTime(Date.UTC(2026, 0, 2, 3, 4, 5))).toBe('20260102030405Z')
  })

  it('has names and addresses in a section of their own', () => {
    expect(leafExtensions('server', ['cloud.example', '192.0.2.1', '::1'])).toBe(`[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = @names
[names]
DNS.1 = cloud.example
IP.2 = 192.0.2.1
IP.3 = ::1
`)
  })
})

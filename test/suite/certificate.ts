// Certificates for suites that speak TLS: an authority, the broker's, a client's, under the names that suites give them.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openAuthority } from '#kit/certificate/authority.ts'
import { makeKey, makeRequest, type Usage } from '#kit/certificate/openssl.ts'
import { realWorld } from '#kit/world/real.ts'

export type Certificates = { folder: string; ca: string; cert: string; key: string }

export async function makeCertificates(scratch: string): Promise<Certificates> {
  const world = realWorld()
  const folder = join(scratch, 'certificates')
  const secret = join(scratch, 'authority')
  for (const each of [folder, secret]) mkdirSync(each)
  const path = (name: string) => join(folder, `${name}.pem`)
  const authority = await openAuthority(world, secret, 'authority of the suites')
  const issue = async (usage: Usage) => {
    const key = path(`${usage}_key`)
    await makeKey(world, key)
    const request = await makeRequest(world, key, usage)
    const order = { request, commonName: usage, usage, validMs: 86_400_000 }
    const cert = await authority.issue({ ...order, names: ['localhost', '127.0.0.1'] })
    writeFileSync(path(`${usage}_certificate`), cert)
  }
  await issue('server')
  await issue('client')
  writeFileSync(path('ca_certificate'), authority.certificate)
  for (const broken of ['client_key_broken', 'client_certificate_broken'])
    writeFileSync(path(broken), 'this is none\n')
  return { folder, ca: path('ca_certificate'), cert: path('server_certificate'), key: path('server_key') }
}

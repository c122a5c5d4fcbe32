// For tests: an authority of their own and certificates by it, made by the host's openssl.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { realFiles } from './real-files.ts'
import { realProcesses } from './real-processes.ts'

export type TestCertificate = { cert: string; key: string }
export type TestAuthority = {
  ca: string
  /** For 'localhost' and 127.0.0.1; `subject` as openssl has it: '/O=Nimbo/CN=agent'. */
  issue(subject: string): Promise<TestCertificate>
  remove(): Promise<void>
}

export async function testAuthority(name = 'test authority'): Promise<TestAuthority> {
  const folder = await mkdtemp(join(tmpdir(), 'nimbo-ca-'))
  const path = (file: string) => join(folder, file)
  const openssl = async (...words: string[]) => {
    const { code, stderr } = await realProcesses.run('openssl', words)
    if (code !== 0) throw new Error(`openssl ${words[0]}: ${stderr}`)
  }
  const fresh = (file: string) =>
    [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      path(`${file}.key`),
    ] as const
  const days = ['-days', '3650'] as const
  await openssl('req', '-x509', ...fresh('ca'), ...days, '-subj', `/CN=${name}`, '-out', path('ca.pem'))
  await realFiles.write(path('names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
  let count = 0
  return {
    ca: await realFiles.readText(path('ca.pem')),
    async issue(subject) {
      const file = `leaf${++count}`
      await openssl('req', '-new', ...fresh(file), '-subj', subject, '-out', path(`${file}.csr`))
      const signer = ['-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-CAcreateserial']
      const leaf = ['-in', path(`${file}.csr`), '-extfile', path('names'), '-out', path(`${file}.pem`)]
      await openssl('x509', '-req', ...signer, ...days, ...leaf)
      return {
        cert: await realFiles.readText(path(`${file}.pem`)),
        key: await realFiles.readText(path(`${file}.key`)),
      }
    },
    remove: () => rm(folder, { recursive: true }),
  }
}

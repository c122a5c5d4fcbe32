// Every way of logging in that stock clients have, federation's left out, and every scope: by the openstack command, and by
// keystoneauth itself where the command can't be told.
import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { passcode, readBase32, windowOf } from '#kit/totp/totp.ts'
import { clientEnv, runClient } from './client-fork.ts'
import { type LiveCloud, prepareLiveCloud, succeeded, world } from './live-cloud.ts'

type Login = { auth_type: string; auth: Record<string, unknown> }

let cloud: LiveCloud
let url: string
const password = 'a-long-password-of-hobbits'
const seed = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'
const code = (seed: string) => passcode(readBase32(seed)!, windowOf(world.clock.now()))

beforeAll(async () => {
  cloud = await prepareLiveCloud('identity-login', 'sim')
  succeeded(await cloud.up('--hosts', '1', '--empty'))
  url = `http://127.0.0.1:${cloud.portBase}/v3`
  await cloud.script('admin', [
    'domain create shire',
    `user create --password ${password} frodo`,
    'role add --project admin --user frodo member',
    'role add --domain shire --user frodo reader',
    'role add --system all --user frodo reader',
    `credential create --type totp frodo ${seed}`,
    `user create --password ${password} --enable-multi-factor-auth --multi-factor-auth-rule password,totp sam`,
    'role add --project admin --user sam member',
    `credential create --type totp sam ${seed}`,
  ])
}, 120_000)
afterAll(() => cloud?.destroy(), 60_000)

const as = (username: string) => ({ username, user_domain_name: 'Default' })
const project = { project_name: 'admin', project_domain_name: 'Default' }

/** With nothing of the environment but this login. */
async function openstack({ auth_type, auth }: Login, ...words: string[]) {
  const file = `${cloud.folder}/login.yaml`
  const entry = {
    auth_type,
    auth: { auth_url: url, ...auth },
    region_name: 'RegionOne',
    identity_api_version: 3,
  }
  writeFileSync(file, JSON.stringify({ clouds: { here: entry } }), { mode: 0o600 })
  return runClient('openstack', ['--os-cloud', 'here', ...words], {
    env: { ...clientEnv(), OS_CLIENT_CONFIG_FILE: file },
    timeoutMs: 60_000,
  })
}

/** What `token issue` shows, or what it complains of. */
async function tokenOf(login: Login): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await openstack(login, 'token', 'issue', '-f', 'json')
  return code === 0 ? (JSON.parse(stdout) as Record<string, unknown>) : { complaint: stderr }
}

describe('the openstack client logs in', () => {
  let projectId: string
  beforeAll(async () => {
    projectId = (await cloud.json<{ id: string }>('admin', 'project', 'show', 'admin')).id
  })

  test('with a password, in each scope', async () => {
    const scoped = (scope: object) =>
      tokenOf({ auth_type: 'v3password', auth: { ...as('frodo'), password, ...scope } })
    expect(await scoped(project)).toMatchObject({ project_id: projectId })
    expect(await scoped({ domain_name: 'shire' })).toMatchObject({ domain_id: expect.any(String) })
    expect(await scoped({ system_scope: 'all' })).toMatchObject({ system: 'all' })
    const unscoped = await scoped({})
    expect(Object.keys(unscoped).sort()).toEqual(['expires', 'id', 'user_id'])
    const any = await tokenOf({ auth_type: 'password', auth: { ...as('frodo'), password, ...project } })
    expect(any).toMatchObject({ project_id: projectId, user_id: unscoped.user_id })
    for (const auth_type of ['v3token', 'token'])
      expect(await tokenOf({ auth_type, auth: { token: unscoped.id, ...project } })).toMatchObject({
        project_id: projectId,
      })
  })

  test('with a trust, as the one who gave it', async () => {
    const words = ['--project', 'admin', '--role', 'member', '--impersonate', 'admin', 'frodo']
    const trust = await cloud.json<{ id: string; trustor_user_id: string }>(
      'admin',
      'trust',
      'create',
      ...words,
    )
    const auth = { ...as('frodo'), password, trust_id: trust.id }
    expect(await tokenOf({ auth_type: 'v3password', auth })).toMatchObject({
      project_id: projectId,
      user_id: trust.trustor_user_id,
    })
  })

  test('with an application credential, by its id and by its name', async () => {
    const own: Login = { auth_type: 'v3password', auth: { ...as('frodo'), password, ...project } }
    const { stdout } = await openstack(own, 'application', 'credential', 'create', 'ring', '-f', 'json')
    const made = JSON.parse(stdout) as { id: string; secret: string }
    for (const which of [
      { application_credential_id: made.id },
      { application_credential_name: 'ring', ...as('frodo') },
    ]) {
      const auth = { ...which, application_credential_secret: made.secret }
      expect(await tokenOf({ auth_type: 'v3applicationcredential', auth })).toMatchObject({
        project_id: projectId,
      })
    }
  })

  test('with a passcode of the clock, once', async () => {
    const login = { auth_type: 'v3totp', auth: { ...as('frodo'), passcode: code(seed), ...project } }
    expect(await tokenOf(login)).toMatchObject({ project_id: projectId })
    expect((await tokenOf(login)).complaint).toContain('HTTP 401')
  })

  test('with two factors at once, and is told which one is missing', async () => {
    const one = await tokenOf({ auth_type: 'v3password', auth: { ...as('sam'), password, ...project } })
    expect(one.complaint).toContain("[['password', 'totp']]")
    const auth = {
      ...as('sam'),
      password,
      passcode: code(seed),
      auth_methods: ['v3password', 'v3totp'],
      ...project,
    }
    expect(await tokenOf({ auth_type: 'v3multifactor', auth })).toMatchObject({ project_id: projectId })
  })
})

test('keystoneauth goes on with a receipt, and EC2 requests are worth a token', async () => {
  // Sam's passcode of now was spent just before.
  const other = 'NBSWY3DPO5XXE3DENBSWY3DPO5XXE3DE'
  await cloud.script('admin', [
    `user create --password ${password} --enable-multi-factor-auth --multi-factor-auth-rule password,totp pippin`,
    'role add --project admin --user pippin member',
    `credential create --type totp pippin ${other}`,
  ])
  const login = await world.files.readText(`${cloud.root}/admin-openrc`)
  const admin = /OS_PASSWORD='(.*)'/.exec(login)![1]
  const given = { url, user: 'pippin', password, passcode: code(other), admin }
  const script = new URL('./identity-login.py', import.meta.url).pathname
  const input = JSON.stringify(given)
  const ran = await runClient(script, [], { env: clientEnv(), input, timeoutMs: 60_000 })
  expect(ran.stderr).toBe('')
  const steps = ran.stdout.trim().split('\n')
  expect(steps.map((line) => JSON.parse(line) as unknown)).toEqual([
    { step: 'password', methods: ['password'], required: [['password', 'totp']] },
    { step: 'receipt, wrong passcode', status: 401 },
    { step: 'receipt, passcode', user: 'pippin', project: 'admin' },
    { step: 'receipt again', status: 401 },
    { step: 'EC2 version 2, right', status: 200, project: 'admin' },
    { step: 'EC2 version 2, wrong', status: 401, project: null },
    { step: 'EC2 version 4, right', status: 200, project: 'admin' },
    { step: 'EC2 version 4, wrong', status: 401, project: null },
  ])
})

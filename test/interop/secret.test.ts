// Secrets that went through a whole cloud, at its most talkative, stand nowhere in its files but where they are kept on purpose,
// and no error tells one.
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Session } from '#cli/openstack.ts'
import { httpClient, type Response } from '#kit/http/client.ts'
import { portsFrom } from '#main/port.ts'
import { type LiveCloud, prepareLiveCloud, succeeded, until, world } from './live-cloud.ts'

/** Each secret by what it is; one that `keptIn` names may stand in that file. */
const planted = new Map<string, { text: string; keptIn?: RegExp }>()
const told: { what: string; answer: string }[] = []
/** Found by the same search, so that it is known to find. */
const noSecret = `planted-${world.random.hexId()}`
const http = httpClient()
let cloud: LiveCloud
let admin: Session
let identity: string

beforeAll(async () => {
  cloud = await prepareLiveCloud('secret', 'sim')
  await world.files.makeFolder(cloud.root, { mode: 0o711 })
  await world.files.write(`${cloud.root}/nimbo.yaml`, 'cloud:\n  log_level: debug\n')
  succeeded(await cloud.up('--hosts', '2', '--speed', '100'))
  admin = await cloud.session('admin')
  identity = admin.endpoint('identity')
  planted.set('the token of the test', { text: admin.token })
}, 120_000)
afterAll(async () => {
  http.close()
  await cloud?.destroy()
}, 60_000)

/** A secret that is found again. Of the form that services give out themselves where `own` is one of theirs. */
function plant(what: string, own?: string, keptIn?: RegExp): string {
  const text = own ?? `planted-${world.random.hexId()}`
  expect(text.length, what).toBeGreaterThan(8)
  planted.set(what, { text, keptIn })
  return text
}

/** Any answer is fine; what an error says is looked through in the end. */
async function ask(
  method: string,
  url: string,
  body?: unknown,
  headers: Record<string, string> = { 'x-auth-token': admin.token },
): Promise<Response> {
  const answer = await http.request({ method, url, body, headers, timeoutMs: 30_000 })
  if (answer.status >= 400)
    told.push({ what: `${method} ${url}`, answer: JSON.stringify([answer.headers, answer.body]) })
  return answer
}

async function made<T>(
  method: string,
  url: string,
  body: unknown,
  headers?: Record<string, string>,
): Promise<T> {
  const answer = await ask(method, url, body, headers)
  expect(answer.status, `${method} ${url} ${JSON.stringify(answer.body)}`).toBeLessThan(300)
  return answer.body as T
}

const login = (user: object, methods = ['password'], scope?: object) =>
  ask(
    'POST',
    `${identity}/auth/tokens`,
    { auth: { identity: { methods, ...user }, ...(scope && { scope }) } },
    {},
  )

async function loggedIn(what: string, ...how: Parameters<typeof login>): Promise<string> {
  const answer = await login(...how)
  expect(answer.status, what).toBe(201)
  return plant(`token of ${what}`, answer.headers['x-subject-token']!)
}

const bearing = (token: string) => ({ 'x-auth-token': token })

test('identity keeps none of the passwords, secrets and tokens that it takes and gives', async () => {
  const first = plant('first password')
  const { user } = await made<{ user: { id: string } }>('POST', `${identity}/users`, {
    user: {
      name: 'planted',
      description: noSecret,
      domain_id: 'default',
      password: first,
      default_project_id: admin.projectId,
    },
  })
  const { roles } = (await ask('GET', `${identity}/roles?name=member`)).body as { roles: { id: string }[] }
  const role = roles[0]!.id
  await made('PUT', `${identity}/projects/${admin.projectId}/users/${user.id}/roles/${role}`, undefined)
  await login({ password: { user: { id: user.id, password: plant('wrong password') } } })
  const second = plant('second password')
  await made(
    'POST',
    `${identity}/users/${user.id}/password`,
    { user: { original_password: first, password: second } },
    {},
  )
  const third = plant('password that an administrator set')
  await made('PATCH', `${identity}/users/${user.id}`, { user: { password: third } })
  const scope = { project: { id: admin.projectId } }
  const token = await loggedIn(
    'a password',
    { password: { user: { id: user.id, password: third } } },
    ['password'],
    scope,
  )
  await ask('GET', `${identity}/auth/tokens`, undefined, {
    ...bearing(token),
    'x-subject-token': plant('no token'),
  })
  await ask('GET', `${identity}/users`, undefined, bearing(plant('no token of a caller')))
  await ask('DELETE', `${identity}/auth/tokens`, undefined, {
    ...bearing(admin.token),
    'x-subject-token': token,
  })
  const own = bearing(
    await loggedIn(
      'another login',
      { password: { user: { id: user.id, password: third } } },
      ['password'],
      scope,
    ),
  )

  const secret = plant('secret of an application credential')
  const { application_credential: application } = await made<{ application_credential: { id: string } }>(
    'POST',
    `${identity}/users/${user.id}/application_credentials`,
    { application_credential: { name: 'robot', secret } },
    own,
  )
  const robot = (text: string) => ({ application_credential: { id: application.id, secret: text } })
  await loggedIn('an application credential', robot(secret), ['application_credential'])
  await login(robot(plant('wrong secret')), ['application_credential'])

  const { credential: ec2 } = await made<{ credential: { access: string; secret: string } }>(
    'POST',
    `${identity}/users/${user.id}/credentials/OS-EC2`,
    { tenant_id: admin.projectId },
    own,
  )
  plant('secret of an EC2 credential', ec2.secret)
  const signed = {
    access: ec2.access,
    signature: plant('wrong signature'),
    host: 'h',
    verb: 'GET',
    path: '/',
    params: {},
  }
  await ask('POST', `${identity}/ec2tokens`, { credentials: signed })
  for (const type of ['totp', 'cert', 'ec2'])
    await ask('POST', `${identity}/credentials`, {
      credential: {
        type,
        user_id: user.id,
        project_id: admin.projectId,
        blob:
          type === 'ec2'
            ? JSON.stringify({ access: 'a', secret: plant('blob of ec2') })
            : plant(`blob of ${type}`),
      },
    })
  await login({ totp: { user: { id: user.id, passcode: plant('passcode') } } }, ['totp'])

  const { trust } = await made<{ trust: { id: string } }>(
    'POST',
    `${identity}/OS-TRUST/trusts`,
    {
      trust: {
        trustor_user_id: user.id,
        trustee_user_id: admin.userId,
        project_id: admin.projectId,
        impersonation: true,
        roles: [{ id: role }],
      },
    },
    own,
  )
  await loggedIn('a trust', { token: { id: admin.token } }, ['token'], { 'OS-TRUST:trust': { id: trust.id } })
  await made('PUT', `${identity}/domains/default/config`, {
    config: { ldap: { url: 'ldap://h', password: plant('password of a directory') } },
  })
})

test('what is broken is refused without its secrets', async () => {
  const url = `${identity}/users`
  const broken = plant('password in a broken body')
  await ask('POST', url, `{"user": {"name": "a", "password": "${broken}"`, {
    ...bearing(admin.token),
    'content-type': 'application/json',
  })
  await ask('POST', url, { user: { name: 'a', password: [plant('password in a list')] } })
  await ask('POST', url, { user: [{ name: 'a', password: plant('password of a list of users') }] })
  await ask('POST', url, [`password=${plant('password in a text')}`])
  await ask('GET', `${url}?name=a&password=${plant('password in a query')}&limit=x`)
  await ask('POST', `${identity}/auth/tokens`, {
    auth: {
      identity: {
        methods: 'password',
        password: { user: { name: 'a', password: plant('password beside a mistake') } },
      },
    },
  })
  await ask('POST', `${identity}/nowhere?token=${plant('token of no path')}`, {
    password: plant('password for nothing'),
  })
  expect(told.length).toBeGreaterThan(5)
})

test('compute, image, volume and the bus keep none of theirs', async () => {
  const { images } = await admin.call<{ images: { id: string }[] }>('image', { path: '/v2/images' })
  const { networks } = await admin.call<{ networks: { id: string }[] }>('network', {
    path: '/v2.0/networks?name=private',
  })
  const compute = admin.endpoint('compute')
  const { keypair } = await made<{ keypair: { private_key: string } }>('POST', `${compute}/os-keypairs`, {
    keypair: { name: 'k' },
  })
  plant('private key', keypair.private_key.split('\n')[2]!)
  const data = plant('user data', undefined, /compute\.db/)
  const wish = {
    name: 'planted',
    imageRef: images[0]!.id,
    flavorRef: '1',
    networks: [{ uuid: networks[0]!.id }],
  }
  const { server } = await made<{ server: { id: string } }>('POST', `${compute}/servers`, {
    server: {
      ...wish,
      adminPass: plant('password of a server'),
      user_data: Buffer.from(data).toString('base64'),
    },
  })
  await ask('POST', `${compute}/servers`, {
    server: { ...wish, adminPass: { no: plant('password of a server in a map') } },
  })
  const at = `${compute}/servers/${server.id}`
  await until('the server runs', async () => {
    const { body } = await ask('GET', at)
    return (body as { server: { status: string } }).server.status === 'ACTIVE'
  })
  await ask('POST', `${at}/action`, { changePassword: { adminPass: plant('changed password of a server') } })
  const versioned = { ...bearing(admin.token), 'openstack-api-version': 'compute 2.6' }
  const { remote_console: screen } = await made<{ remote_console: { url: string } }>(
    'POST',
    `${at}/remote-consoles`,
    { remote_console: { protocol: 'vnc', type: 'novnc' } },
    versioned,
  )
  plant('key to a screen', decodeURIComponent(screen.url).split('token=')[1]!)

  const image = await made<{ id: string }>('POST', `${admin.endpoint('image')}/v2/images`, {
    name: 'planted',
    disk_format: 'raw',
    container_format: 'bare',
  })
  await ask('POST', `${admin.endpoint('image')}/v2/images/${image.id}/import`, {
    method: { name: 'web-download', uri: `http://u:${plant('password of an address')}@127.0.0.1:1/image` },
  })

  const { volume } = await made<{ volume: { id: string } }>('POST', `${admin.endpoint('volumev3')}/volumes`, {
    volume: { size: 1, name: 'planted' },
  })
  await until('the volume is there', async () => {
    const { body } = await ask('GET', `${admin.endpoint('volumev3')}/volumes/${volume.id}`)
    return (body as { volume: { status: string } }).volume.status === 'available'
  })
  await ask('POST', `${admin.endpoint('volumev3')}/volumes/${volume.id}/action`, {
    'os-initialize_connection': { connector: { host: 'h', auth_password: plant('password of a connector') } },
  })

  const ports = portsFrom(cloud.portBase)
  const stranger = `stranger:${plant('password for the management API')}`
  await ask('GET', `http://127.0.0.1:${ports.amqpManagement}/api/overview`, undefined, {
    authorization: `Basic ${Buffer.from(stranger).toString('base64')}`,
  })
  await cloud.nimbo('mq', 'add_user', 'planted', plant('password of a user of the bus'))
})

test('none stands in an error, and none in a file', async () => {
  succeeded(await cloud.nimbo('down'))
  const forms = [...planted].flatMap(([what, { text, keptIn }]) =>
    formsOf(text).map((form) => ({ what, form: Buffer.from(form), keptIn })),
  )
  const found = new Set<string>()
  const canary = Buffer.from(noSecret)
  let canaries = 0
  let talkative = false
  const files = readdirSync(cloud.root, { recursive: true, withFileTypes: true }).filter((each) =>
    each.isFile(),
  )
  for (const file of files) {
    const path = join(file.parentPath, file.name)
    const content = readFileSync(path)
    if (content.includes(canary)) canaries++
    talkative ||= path.endsWith('.log') && content.includes('"level":"debug"')
    for (const { what, form, keptIn } of forms)
      if (content.includes(form) && !keptIn?.test(path)) found.add(`${relative(cloud.root, path)}: ${what}`)
  }
  for (const { what, answer } of told)
    for (const { what: secret, form } of forms)
      if (answer.includes(form.toString())) found.add(`${what}: ${secret}`)
  expect([...found]).toEqual([])
  expect(planted.size).toBeGreaterThan(30)
  // What is no secret is found, and where it was told most of all.
  expect(canaries).toBeGreaterThan(0)
  expect(talkative).toBe(true)
  expect(told.length).toBeGreaterThan(15)
})

/** As it is, as in an address, and as in base64 behind any number of other octets. */
function formsOf(text: string): string[] {
  const inBase64 = [0, 1, 2].map((before) => {
    const whole = Buffer.from(' '.repeat(before) + text).toString('base64')
    // The first and the last characters depend on what stands beside it.
    return whole.replace(/=+$/, '').slice(before === 0 ? 0 : 4, -2)
  })
  return [text, encodeURIComponent(text), ...inBase64]
}

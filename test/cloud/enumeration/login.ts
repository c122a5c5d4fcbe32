// The ways to log in that the reference lists, each as a request's body.
import type { Bench } from './bench.ts'
import { logIn, password } from './caller.ts'

type Login = (bench: Bench) => Promise<unknown>

const systemUser = ({ people }: Bench) => people.callers.find(({ name }) => name === 'system-admin')!
const byPassword = (id: string) => ({ methods: ['password'], password: { user: { id, password } } })
const system = { system: { all: true } }
const ofOwner = async ({ people }: Bench) => byPassword(people.owner.userId)
const tokenOf = async (bench: Bench) => {
  const { userId } = systemUser(bench)
  const id = await logIn(bench.cloud, userId, 'none', bench.people.home)
  return { methods: ['token'], token: { id } }
}

export const loginBodies: Record<string, Login> = {
  password: async (bench) => ({ auth: { identity: await ofOwner(bench) } }),
  'password-scoped': async (bench) => ({
    auth: { identity: byPassword(systemUser(bench).userId), scope: system },
  }),
  'password-unscoped': async (bench) => ({ auth: { identity: await ofOwner(bench), scope: 'unscoped' } }),
  token: async (bench) => ({ auth: { identity: await tokenOf(bench) } }),
  'token-scoped': async (bench) => ({ auth: { identity: await tokenOf(bench), scope: system } }),
  'token-unscoped': async (bench) => ({ auth: { identity: await tokenOf(bench), scope: 'unscoped' } }),
  // One step of two: a receipt for the first.
  receipt: async (bench) => {
    const user = {
      name: bench.name(),
      domain_id: bench.people.home.domainId,
      password,
      options: { multi_factor_auth_enabled: true, multi_factor_auth_rules: [['password', 'totp']] },
    }
    const { id } = (await bench.ask('identity', 'POST', '/users', { user })).user
    const { projectId } = bench.people.home
    return { auth: { identity: byPassword(id), scope: { project: { id: projectId } } } }
  },
  'application-credential': async (bench) => {
    const { owner } = bench.people
    const path = `/users/${owner.userId}/application_credentials`
    const wish = { application_credential: { name: bench.name() } }
    const { id, secret } = (await bench.ask('identity', 'POST', path, wish, { who: owner }))
      .application_credential
    const identity = { methods: ['application_credential'], application_credential: { id, secret } }
    return { auth: { identity } }
  },
  trust: async (bench) => ({
    auth: {
      identity: byPassword(bench.people.admin.userId),
      scope: { 'OS-TRUST:trust': { id: bench.ids.identity!.trusts } },
    },
  }),
}

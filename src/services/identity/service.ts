// Wires identity together: database, keys, policy, routes, loops. No logic.
import { migrate } from '#kit/db/migrate.ts'
import { openDatabase } from '#kit/db/open.ts'
import { fernetKeys, openKeyRepository } from '#kit/fernet/key-repository.ts'
import { type KeyShelf, keyFolder } from '#kit/fernet/key-shelf.ts'
import type { HttpService } from '#kit/http/server.ts'
import { jwsKeys } from '#kit/jws/jws.ts'
import { startLoop } from '#kit/loop/loop.ts'
import type { ScryptCost } from '#kit/password/password.ts'
import { openPolicy } from '#kit/policy/engine.ts'
import { openApi } from '#kit/service/api.ts'
import type { Platform, RunningService } from '#kit/service/platform.ts'
import { allRoutes, methodsOf } from './api/index.ts'
import type { Identity } from './app.ts'
import type { IdentityConfig } from './config.ts'
import { identityFaults } from './fault.ts'
import { credentialSealing } from './loops/credential-sealing.ts'
import { keyRotation, type TurnedKeys } from './loops/key-rotation.ts'
import { revocationPruning } from './loops/revocation-pruning.ts'
import { openSafe } from './ops/credential.ts'
import { openKnowledge } from './ops/knowledge.ts'
import { openPasswords } from './ops/password.ts'
import { openSharedKeys } from './ops/shared-key.ts'
import { openTokens } from './ops/token-provider.ts'
import { openSeal } from './ops/token-seal.ts'
import { allRules } from './resources/index.ts'
import { migrations } from './store/schema.ts'

export type IdentityService = RunningService & {
  readonly http: HttpService
  readonly app: Identity
  /** Called after each change of this process, when validations kept elsewhere in it must be forgotten. */
  onChange(listener: () => void): void
  /** For `identityClient`: changes made by other controllers count as well. */
  epoch(): Promise<number>
}

export type IdentityOptions = {
  passwordCost?: ScryptCost
  /** Of several controllers on one database, which keep their keys there, sealed with it; without it they are in a folder. */
  sharedSecret?: string
}

export async function openIdentity(
  platform: Platform,
  config: IdentityConfig,
  options: IdentityOptions = {},
): Promise<IdentityService> {
  const { world, log } = platform
  const journal = platform.journal.as('keystone')
  const db = await openDatabase(world, platform.databaseUrl('identity'))
  await migrate(world, db, migrations)
  const folder = platform.folder('identity')
  const shelfOf = async (kind: string): Promise<KeyShelf> =>
    options.sharedSecret === undefined
      ? keyFolder(world, `${folder}/${kind}`)
      : openSharedKeys(world, db, { folder, kind, secret: options.sharedSecret })
  const tokenShelf = await shelfOf('token-keys')
  const tokenKeys = await openKeyRepository(world, tokenShelf, fernetKeys)
  const signingShelf = await shelfOf('jws-keys')
  const signs = config.tokenProvider === 'jws' || (await signingShelf.numbers()).length > 0
  const signing = signs ? await openKeyRepository(world, signingShelf, jwsKeys) : undefined
  const credentialShelf = await shelfOf('credential-keys')
  const credentialKeys = await openKeyRepository(world, credentialShelf, fernetKeys)
  const policy = openPolicy({
    rules: allRules,
    refusal: (rule) => `You are not authorized to perform the requested action: ${rule}.`,
  })
  for (const problem of policy.problems) log.warn({ service: 'keystone' }, problem)
  const knowledge = openKnowledge(db)
  const seal = openSeal(world, config.tokenProvider, { sealing: tokenKeys, signing })
  const tokens = openTokens({ world, db, config, knowledge, seal })
  const passwords = openPasswords(world, options.passwordCost)
  const safe = openSafe(world, credentialKeys)
  const app: Identity = {
    world,
    log,
    journal,
    db,
    policy,
    config,
    passwords,
    safe,
    knowledge,
    tokens,
    tokenKeys,
  }
  const http = await openApi(platform, {
    name: 'keystone',
    app,
    routes: allRoutes,
    prefixes: ['/v3'],
    types: ['identity'],
    faults: identityFaults(methodsOf),
    policy,
    authenticate: async (token) => (await tokens.validate(token)).caller,
    authUri: () => `${platform.endpoint('identity')}/v3`,
  })
  const turned: TurnedKeys[] = [
    { shelf: tokenShelf, kind: fernetKeys, keys: tokenKeys },
    ...(signing ? [{ shelf: signingShelf, kind: jwsKeys, keys: signing }] : []),
  ]
  const loops = [
    keyRotation(app, turned),
    credentialSealing(app, credentialShelf, credentialKeys),
    revocationPruning(app),
  ].map((loop) => startLoop(world, log, loop))
  return {
    name: 'keystone',
    http,
    app,
    onChange: (listener) => knowledge.onChange(listener),
    epoch: knowledge.epoch,
    async stop() {
      await http.close()
      for (const loop of loops) await loop.stop()
      await db.close()
    },
  }
}

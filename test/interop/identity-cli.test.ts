import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type LiveCloud, prepareLiveCloud, succeeded } from './live-cloud.ts'

type Row = Record<string, string>

/** Every kind of thing that identity keeps, through all commands that the stock client has for it. */
describe('the stock openstack client and identity', () => {
  let cloud: LiveCloud
  beforeAll(async () => {
    cloud = await prepareLiveCloud('identity-cli', 'sim')
    succeeded(await cloud.up('--hosts', '1', '--empty'))
  }, 120_000)
  afterAll(() => cloud?.destroy(), 60_000)

  const json = <T = Row[]>(...args: string[]) => cloud.json<T>('admin', ...args)
  const script = (...lines: string[]) => cloud.script('admin', lines)
  const fileOf = (name: string, content: unknown) => {
    writeFileSync(`${cloud.folder}/${name}`, JSON.stringify(content))
    return `${cloud.folder}/${name}`
  }

  test('domains, projects with their tree and tags, users and groups', async () => {
    await script(
      'domain create --description d --enable shire',
      'domain set --description e shire',
      'domain show shire',
      'project create --domain shire --tag green --property k=v hobbiton',
      'project create --domain shire --parent hobbiton bagend',
      'project set --domain shire --tag round --property k=w hobbiton',
      'project list --long --domain shire',
      'project list --my-projects',
      'project list --tags green,round',
      'user create --domain shire --project hobbiton --project-domain shire --password ring --email f@shire frodo',
      'user create --ignore-lockout-failure-attempts --ignore-password-expiry --password garden sam',
      'user set --email sam@shire --enable-lock-password sam',
      'user set --disable-lock-password --no-ignore-password-expiry sam',
      'user list --long --domain shire',
      'group create --domain shire fellowship',
      'group create nine',
      'group add user nine sam',
      'group contains user nine sam',
      'group set --description walkers nine',
      'group show nine',
      'group list --long --user sam',
      'user list --group nine',
      'group remove user nine sam',
    )
    const project = await json<Row>(
      'project',
      'show',
      '--parents',
      '--children',
      '--domain',
      'shire',
      'bagend',
    )
    expect(Object.keys(project.parents as unknown as Row)).toHaveLength(1)
    expect((await json('project', 'list', '--tags', 'green,round')).map((row) => row.Name)).toEqual([
      'hobbiton',
    ])
    expect(await json<Row>('user', 'show', 'sam')).toMatchObject({
      email: 'sam@shire',
      options: { ignore_lockout_failure_attempts: true, ignore_password_expiry: false, lock_password: false },
    })
  })

  test('roles, what they imply, and who has them where', async () => {
    await script(
      'role create --description d ringbearer',
      'role create --domain shire gardener',
      'role create --immutable steward',
      'role set --no-immutable steward',
      'role delete steward',
      'role list --domain shire',
      'role show --domain shire gardener',
      'implied role create --implied-role member ringbearer',
      'implied role list',
      'role add --project admin --user sam ringbearer',
      'role add --project admin --group nine ringbearer',
      'role add --domain shire --user sam --inherited ringbearer',
      'role add --system all --user sam reader',
      'role assignment list --names',
      'role assignment list --system all --names',
      'role assignment list --role ringbearer --domain shire',
    )
    const effective = await json('role', 'assignment', 'list', '--effective', '--names', '--user', 'sam')
    const roles = effective.filter((row) => row.Project?.startsWith('admin@')).map((row) => row.Role)
    expect(roles.sort()).toEqual(['member', 'reader', 'ringbearer'])
    const inherited = effective.filter((row) => row.Project === 'bagend@shire').map((row) => row.Role)
    expect(inherited.sort()).toEqual(['member', 'reader', 'ringbearer'])
    await script(
      'role remove --project admin --user sam ringbearer',
      'role remove --project admin --group nine ringbearer',
      'role remove --domain shire --user sam --inherited ringbearer',
      'role remove --system all --user sam reader',
      'implied role delete --implied-role member ringbearer',
    )
    expect(await json('role', 'assignment', 'list', '--effective', '--user', 'sam')).toEqual([])
  })

  test('credentials of every kind, and trusts', async () => {
    const rules = fileOf('rules.json', [{ path: '/v2.1/servers', method: 'GET', service: 'compute' }])
    await script(
      'credential create --type cert --project admin admin secret',
      'ec2 credentials create',
      'ec2 credentials create --user admin --project admin',
      'application credential create --role member --expiration 2099-01-01T00:00:00 plain',
      `application credential create --unrestricted --access-rules ${rules} ruled`,
      'application credential list',
      'application credential show ruled',
      'trust create --project admin --role member --impersonate --expiration 2099-01-01T00:00:00 admin sam',
    )
    const [credential] = await json('credential', 'list', '--type', 'cert')
    const keys = await json('ec2', 'credentials', 'list')
    const [rule] = await json('access', 'rule', 'list')
    const [trust] = await json('trust', 'list')
    expect(keys).toHaveLength(2)
    expect(rule).toMatchObject({ Service: 'compute', Method: 'GET', Path: '/v2.1/servers' })
    await script(
      `credential set --type cert --data other --user admin ${credential!.ID}`,
      `credential show ${credential!.ID}`,
      `credential delete ${credential!.ID}`,
      `ec2 credentials show ${keys[0]!.Access}`,
      `ec2 credentials delete ${keys[0]!.Access} ${keys[1]!.Access}`,
      `access rule show ${rule!.ID}`,
      'application credential delete plain ruled',
      `access rule delete ${rule!.ID}`,
      `trust show ${trust!.ID}`,
      `trust delete ${trust!.ID}`,
    )
    const refused = await cloud.ask('admin', 'trust', 'show', trust!.ID!)
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('No trust')])
  })

  test('the catalog: regions, services, endpoints and who sees them; policies, limits, consumers', async () => {
    const some = fileOf('filters.json', { interface: 'public' })
    const other = fileOf('other-filters.json', { interface: 'admin' })
    const document = fileOf('policy.json', { admin: 'role:admin' })
    await script(
      'region create --description x middle-earth',
      'region create --parent-region middle-earth west',
      'region set --description y west',
      'region list --parent-region middle-earth',
      'service create --name palantir --description d seeing',
      'service set --type far-seeing --disable palantir',
      'service set --enable palantir',
      'service list --long',
      'endpoint create --region west palantir public http://orthanc/',
    )
    const [endpoint] = await json('endpoint', 'list', '--service', 'palantir')
    await script(
      `endpoint set --url http://minas-tirith/ --interface internal ${endpoint!.ID}`,
      `endpoint show ${endpoint!.ID}`,
      `endpoint group create --description d seen ${some}`,
      'endpoint group show seen',
      `endpoint group set --name seen-by-all --filters ${other} seen`,
      'endpoint group add project seen-by-all hobbiton --project-domain shire',
      'endpoint group list --project hobbiton --domain shire',
      'endpoint group list --endpointgroup seen-by-all',
      'endpoint group remove project seen-by-all hobbiton --project-domain shire',
      'endpoint group delete seen-by-all',
      `endpoint add project ${endpoint!.ID} hobbiton --project-domain shire`,
      'endpoint list --project hobbiton --project-domain shire',
      `endpoint list --endpoint ${endpoint!.ID}`,
      `endpoint remove project ${endpoint!.ID} hobbiton --project-domain shire`,
      `policy create --type application/json ${document}`,
      'registered limit create --service palantir --region west --default-limit 10 visions',
      'limit create --project admin --service palantir --region west --resource-limit 5 visions',
      'consumer create --description gandalf',
    )
    const [policy] = await json('policy', 'list', '--long')
    const [registered] = await json('registered', 'limit', 'list', '--service', 'palantir')
    const [limit] = await json('limit', 'list', '--service', 'palantir', '--resource-name', 'visions')
    const [consumer] = await json('consumer', 'list')
    expect(limit).toMatchObject({ 'Resource Limit': 5, 'Region ID': 'west' })
    await script(
      `policy set --rules ${document} ${policy!.ID}`,
      `policy show ${policy!.ID}`,
      `policy delete ${policy!.ID}`,
      `limit set --resource-limit 6 ${limit!.ID}`,
      `limit show ${limit!.ID}`,
      `limit delete ${limit!.ID}`,
      `registered limit set --default-limit 12 ${registered!.ID}`,
      `registered limit show ${registered!.ID}`,
      `registered limit delete ${registered!.ID}`,
      `consumer set --description saruman ${consumer!.ID}`,
      `consumer show ${consumer!.ID}`,
      `consumer delete ${consumer!.ID}`,
      `endpoint delete ${endpoint!.ID}`,
      'service show palantir',
      'service delete palantir',
      'region show west',
      'region delete west',
      'federation domain list',
      'federation project list',
      'region delete middle-earth',
    )
    for (const kind of [['identity', 'provider'], ['mapping'], ['service', 'provider']])
      expect(await json(...kind, 'list')).toEqual([])
  })

  test('a user sets a new password, and everything goes again', async () => {
    const login = ['--os-username', 'sam', '--os-password', 'garden', '--os-project-name', 'admin']
    await script('role add --project admin --user sam member')
    const change = ['user', 'password', 'set', '--original-password', 'garden', '--password', 'rosie']
    succeeded(await cloud.ask('admin', ...login, ...change))
    expect((await cloud.ask('admin', ...login, 'token', 'issue')).code).not.toBe(0)
    const token = (await cloud.text('admin', 'token', 'issue', '-f', 'value', '-c', 'id')).trim()
    succeeded(await cloud.ask('admin', 'token', 'revoke', token))
    const again = await cloud.ask('admin', 'token', 'revoke', token)
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('404')])
    await script(
      'group delete nine',
      'role delete ringbearer',
      'user delete sam',
      'project delete --domain shire bagend',
      'project delete --domain shire hobbiton',
      'domain set --disable shire',
      'domain delete shire',
    )
    expect((await json('domain', 'list')).map((row) => row.Name)).toEqual(['Default'])
  })
})

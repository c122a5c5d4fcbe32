// Who may do what, as callers and operators meet it: decisions, refusals, the policy file and its mistakes.
import { describe, expect, it } from 'vitest'
import { openPolicy } from './engine.ts'
import { type Credentials, type PolicyTarget, rule } from './policy.ts'

const member: Credentials = { userId: 'u1', projectId: 'p1', roles: ['member', 'reader'] }
const admin: Credentials = { userId: 'u2', projectId: 'p2', roles: ['Admin', 'member', 'reader'] }
const system: Credentials = { userId: 'u3', systemScope: 'all', roles: ['reader'] }
const nobody: Credentials = { userId: 'u4', roles: [] }

function allowed(check: string, credentials: Credentials, target: PolicyTarget = {}): boolean {
  const asked = rule('asked', check, '')
  return openPolicy({ rules: [asked, rule('admin_required', 'role:admin', '')] }).allows(
    asked,
    credentials,
    target,
  )
}

describe('a check', () => {
  it('of a role takes it in any case, and by an attribute of the object', () => {
    expect(allowed('role:admin', admin)).toBe(true)
    expect(allowed('role:MEMBER', member)).toBe(true)
    expect(allowed('role:admin', member)).toBe(false)
    expect(allowed('role:%(needed)s', member, { needed: 'Reader' })).toBe(true)
    expect(allowed('role:%(needed)s', member)).toBe(false)
  })

  it('of an attribute compares it with the object', () => {
    expect(allowed('project_id:%(project_id)s', member, { project_id: 'p1' })).toBe(true)
    expect(allowed('project_id:%(project_id)s', member, { project_id: 'p2' })).toBe(false)
    expect(allowed('user_id:%(user_id)s', member, { user_id: 'u1' })).toBe(true)
    expect(allowed('system_scope:all', system)).toBe(true)
    expect(allowed('system_scope:all', admin)).toBe(false)
    expect(allowed('no_such_thing:%(project_id)s', member, { project_id: 'p1' })).toBe(false)
  })

  it('finds flat, dotted and nested attributes, and the older word for projects', () => {
    const check = 'user_id:%(target.user.id)s'
    expect(allowed(check, member, { 'target.user.id': 'u1' })).toBe(true)
    expect(allowed(check, member, { target: { user: { id: 'u1' } } })).toBe(true)
    expect(allowed(check, member, { target: { user: null } })).toBe(false)
    expect(allowed('project_id:%(network:project_id)s', member, { 'network:project_id': 'p1' })).toBe(true)
    expect(allowed('tenant_id:%(tenant_id)s', member, { project_id: 'p1' })).toBe(true)
    expect(allowed('project_id:%(project_id)s', member, { tenant_id: 'p1' })).toBe(true)
    expect(allowed('user_id:%(constructor.name)s', { ...member, userId: 'Object' })).toBe(false)
  })

  it('fails where the object lacks the attribute, also when the caller lacks it', () => {
    expect(allowed('project_id:%(project_id)s', member)).toBe(false)
    expect(allowed('project_id:%(project_id)s', nobody)).toBe(false)
    expect(allowed('project_id:%(project_id)s', nobody, { project_id: null })).toBe(false)
    expect(allowed('domain_id:None', member)).toBe(true)
    expect(allowed('domain_id:None', { ...member, domainId: 'd' })).toBe(false)
  })

  it("compares literals with the object's values in Python's words", () => {
    expect(allowed("'public':%(visibility)s", nobody, { visibility: 'public' })).toBe(true)
    expect(allowed('"public":%(visibility)s', nobody, { visibility: 'private' })).toBe(false)
    expect(allowed('True:%(shared)s', nobody, { shared: true })).toBe(true)
    expect(allowed('True:%(shared)s', nobody, { shared: false })).toBe(false)
    expect(allowed('None:%(domain_id)s', nobody, { domain_id: null })).toBe(true)
    expect(allowed('None:%(domain_id)s', nobody, {})).toBe(false)
    expect(allowed('5:%(count)s', nobody, { count: 5 })).toBe(true)
  })

  it("reads the object's fields as neutron does", () => {
    expect(allowed('field:networks:shared=True', nobody, { shared: true })).toBe(true)
    expect(allowed('field:networks:router:external=True', nobody, { 'router:external': false })).toBe(false)
    expect(allowed('field:port:device_owner=~^network:', nobody, { device_owner: 'network:dhcp' })).toBe(true)
    expect(allowed('field:port:device_owner=~network:', nobody, { device_owner: 'x network:' })).toBe(false)
    expect(allowed('field:networks:shared=True', nobody, {})).toBe(false)
  })

  it('joins others with and, or, not and parentheses', () => {
    const check = 'rule:admin_required or (role:member and project_id:%(project_id)s and not user_id:bad)'
    expect(allowed(check, admin, { project_id: 'p1' })).toBe(true)
    expect(allowed(check, member, { project_id: 'p1' })).toBe(true)
    expect(allowed(check, member, { project_id: 'p9' })).toBe(false)
    expect(allowed(check, { ...member, userId: 'bad' }, { project_id: 'p1' })).toBe(false)
    expect(allowed('@', nobody)).toBe(true)
    expect(allowed('', nobody)).toBe(true)
    expect(allowed('!', admin)).toBe(false)
    expect(allowed('not !', nobody)).toBe(true)
  })

  it('is_admin stands for passing context_is_admin, and for nothing where there is no such rule', () => {
    const asked = rule('asked', 'is_admin:True', '')
    const policy = openPolicy({ rules: [asked, rule('context_is_admin', 'role:admin', '')] })
    expect(policy.allows(asked, admin, {})).toBe(true)
    expect(policy.allows(asked, member, {})).toBe(false)
    expect(allowed('is_admin:True', admin)).toBe(false)
    expect(allowed('is_admin:1', admin)).toBe(false)
  })
})

describe('authorize', () => {
  const create = rule('os_compute_api:servers:create', 'role:member', 'Create a server', ['project'])

  it('is forbidden with the name of the rule, in the words of the service', () => {
    expect(() => openPolicy({ rules: [create] }).authorize(create, nobody, {})).toThrow(
      expect.objectContaining({
        kind: 'forbidden',
        message: "Policy doesn't allow os_compute_api:servers:create to be performed.",
      }),
    )
    const network = openPolicy({ rules: [create], refusal: (name) => `rule:${name} is disallowed by policy` })
    expect(() => network.authorize(create, nobody, {})).toThrow(
      'rule:os_compute_api:servers:create is disallowed',
    )
    expect(() => network.authorize(create, member, {})).not.toThrow()
  })

  it('is forbidden to a token of another scope, unless scopes are not enforced', () => {
    const everyone = { ...system, roles: ['member'] }
    expect(openPolicy({ rules: [create] }).allows(create, everyone, {})).toBe(false)
    expect(openPolicy({ rules: [create], enforceScope: false }).allows(create, everyone, {})).toBe(true)
    expect(openPolicy({ rules: [create] }).explain(create, everyone, {})).toMatchObject({
      allowed: false,
      because: "the token's scope is system, wanted is project, and policy.enforce_scope is on",
    })
  })

  it('takes a rule that nobody registered by its own check', () => {
    expect(openPolicy({ rules: [] }).allows(create, member, {})).toBe(true)
    expect(openPolicy({ rules: [] }).allows(create, nobody, {})).toBe(false)
  })
})

const texts = (text: string) => [{ file: 'policy.yaml', text }]

describe('a policy file', () => {
  const list = rule('list', 'rule:owner', '')
  const owner = rule('owner', 'project_id:%(project_id)s', '')
  const open = (overrides: string) => openPolicy({ rules: [list, owner], texts: texts(overrides) })

  it('replaces defaults, also those that others refer to, and may add rules of its own', () => {
    expect(open('owner: role:reader').allows(list, system, {})).toBe(true)
    const policy = open('list: rule:auditor\nauditor: [["role:reader", "system_scope:all"], ["role:boss"]]')
    expect(policy.allows(list, system, {})).toBe(true)
    expect(policy.allows(list, member, { project_id: 'p1' })).toBe(false)
    expect(policy.problems).toEqual([])
  })

  it('is refused whole, with each mistake in its place', () => {
    expect(() => open('owner: role:a and\nlist: 5')).toThrow(
      expect.objectContaining({
        kind: 'badRequest',
        message: [
          'policy.yaml:1:1: owner: it ends where a check is expected',
          'policy.yaml:2:1: list: a check must be text',
        ].join('\n'),
      }),
    )
    expect(() => open('- owner')).toThrow('must hold rule names')
  })

  it('is refused where rules refer to themselves', () => {
    expect(() => open('owner: rule:list')).toThrow(
      'policy.yaml:1:1: owner refers to itself: list -> owner -> list',
    )
    expect(() => open('owner: rule:owner or role:a')).toThrow('owner -> owner')
    expect(() => open('context_is_admin: is_admin:True')).toThrow('refers to itself')
  })

  it('denies by a rule that is not there, and says so', () => {
    const policy = open('list: rule:ownr\nlst: role:a')
    expect(policy.allows(list, admin, { project_id: 'p2' })).toBe(false)
    expect(policy.problems).toEqual([
      'policy.yaml:2:1: nothing asks for rule lst; did you mean list?',
      'policy.yaml:1:1: list refers to rule ownr, which is not there; did you mean owner?',
    ])
  })

  it('comes into force when it is read again, and not when it is broken', () => {
    const policy = open('owner: role:reader')
    policy.reload({ texts: texts('owner: "!"') })
    expect(policy.allows(list, system, {})).toBe(false)
    expect(() => policy.reload({ texts: texts('owner: (') })).toThrow('policy.yaml:1:1')
    expect(policy.allows(list, system, {})).toBe(false)
    policy.reload({})
    expect(policy.allows(list, member, { project_id: 'p1' })).toBe(true)
  })
})

describe('several policy files', () => {
  const list = rule('list', 'role:reader', '')
  const show = rule('show', 'role:reader', '')
  const open = (...given: [file: string, text: string][]) =>
    openPolicy({ rules: [list, show], texts: given.map(([file, text]) => ({ file, text })) })

  it('count in their order, and each rule says where it is from', () => {
    const policy = open(['a.yaml', 'list: role:a\nshow: role:a'], ['b.yaml', '# ours\nlist: role:admin'])
    expect(policy.allows(list, admin, {})).toBe(true)
    expect(policy.inForce().map(({ name, check, from }) => [name, check, from])).toEqual([
      ['list', 'role:admin', 'b.yaml:2:1'],
      ['show', 'role:a', 'a.yaml:2:1'],
    ])
    policy.reload({})
    expect(policy.inForce().map(({ from }) => from)).toEqual(['built in', 'built in'])
  })

  it('are refused whole with the mistakes of all', () => {
    expect(() => open(['a.yaml', 'list: ('], ['b.yaml', 'show: [1'], ['c.yaml', 'list: role:a'])).toThrow(
      /a\.yaml:1:1: list: .*\nb\.yaml:1:/,
    )
  })

  it('are doubted where a part of a check never counts', () => {
    const policy = open(['a.yaml', 'list: "@ or role:a"\nshow: role:a and (! and role:b) and role:a'])
    expect(policy.problems).toEqual([
      'a.yaml:1:1: list: "role:a" never counts beside "@"',
      'a.yaml:2:1: show: "role:a" is there twice',
      'a.yaml:2:1: show: "role:b" never counts beside "!"',
    ])
  })
})

describe('a rule that was another before', () => {
  const deprecated = { name: 'old:list', check: 'project_id:%(project_id)s' }
  const list = rule('list', 'role:boss', '', undefined, deprecated)
  const target = { project_id: 'p1' }

  it('lets in by its older default only while new defaults are not enforced', () => {
    expect(openPolicy({ rules: [list] }).allows(list, member, target)).toBe(false)
    const policy = openPolicy({ rules: [list], enforceNewDefaults: false })
    expect(policy.allows(list, member, target)).toBe(true)
    expect(policy.allows(list, { ...nobody, roles: ['boss'] }, {})).toBe(true)
    expect(policy.allows(list, nobody, target)).toBe(false)
    policy.reload({ enforceNewDefaults: false, texts: texts('list: role:boss') })
    expect(policy.allows(list, member, target)).toBe(false)
  })

  it('tells whom the older default let in, and that a refusal was by both', () => {
    const asking = rule('ask', 'rule:list', '')
    const policy = openPolicy({ rules: [list, asking], enforceNewDefaults: false })
    const boss = { ...nobody, roles: ['boss'] }
    expect(policy.groundOf(list, boss, {})).toBe('role:boss')
    const older = 'project_id:%(project_id)s by its older default, since policy.enforce_new_defaults is off'
    expect(policy.groundOf(list, member, target)).toBe(older)
    expect(policy.groundOf(asking, member, target)).toBe(older)
    expect(policy.groundOf(list, nobody, target)).toBeUndefined()
    expect(policy.explain(list, nobody, target)).toMatchObject({
      from: 'built in, with its older default, since policy.enforce_new_defaults is off',
      because: expect.stringContaining('role:boss'),
      detail: { check: 'role:boss or project_id:%(project_id)s' },
    })
  })

  it('is still found under its older name in a file, and the file is told of the newer one', () => {
    const policy = openPolicy({ rules: [list], texts: texts('old:list: role:reader') })
    expect(policy.allows(list, member, {})).toBe(true)
    expect(policy.problems).toEqual(['policy.yaml:1:1: rule old:list is now called list'])
    expect(policy.inForce().map(({ name }) => name)).toEqual(['list'])
    policy.reload({ texts: texts('old:list: role:reader\nlist: role:boss') })
    expect(policy.allows(list, member, {})).toBe(false)
  })
})

describe('defaults', () => {
  it('that are malformed or doubled are a bug', () => {
    expect(() => openPolicy({ rules: [rule('a', 'role', '')] })).toThrow('The policy rule a is malformed')
    expect(() => openPolicy({ rules: [rule('a', '@', ''), rule('a', '!', '')] })).toThrow('declared twice')
  })
})

describe('explain', () => {
  const rules = [
    rule('admin_required', 'role:admin', ''),
    rule('owner', 'project_id:%(project_id)s', ''),
    rule('delete', 'rule:admin_required or (role:member and rule:owner)', ''),
    rule('unlocked', 'not role:locked and role:member', ''),
  ] as const

  it('tells which part said no, through the rules it refers to', () => {
    const { allowed: may, because } = openPolicy({ rules }).explain(rules[2], member, { project_id: 'p9' })
    expect(may).toBe(false)
    expect(because).toBe(
      'role:admin (the roles are member, reader); project_id:%(project_id)s (project_id is p1, wanted is p9)',
    )
  })

  it('tells which part said yes', () => {
    const { because } = openPolicy({ rules }).explain(rules[2], member, { project_id: 'p1' })
    expect(because).toContain('role:member')
    expect(because).toContain('project_id is p1, wanted is p1')
    expect(because).not.toContain('role:admin')
  })

  it('is short for what let somebody in', () => {
    const policy = openPolicy({ rules })
    const owner = { project_id: 'p1' }
    expect(policy.groundOf(rules[2], member, owner)).toBe('role:member, project_id:%(project_id)s')
    expect(policy.groundOf(rules[2], { ...member, roles: ['admin'] }, owner)).toBe('role:admin')
    expect(policy.groundOf(rules[3], member, {})).toBe('not role:locked, role:member')
    expect(policy.groundOf(rules[2], member, {})).toBeUndefined()
    policy.reload({ texts: texts('admin_required: "@"') })
    expect(policy.groundOf(rules[2], nobody, {})).toBe('@')
  })

  it('turns round where a check is denied by not', () => {
    const locked = { ...member, roles: ['member', 'locked'] }
    const { because } = openPolicy({ rules }).explain(rules[3], locked, {})
    expect(because).toBe('role:locked (the roles are member, locked)')
  })
})

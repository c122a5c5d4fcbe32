// How a request was decided, as people read it.
import { describe, expect, it } from 'vitest'
import { type DecidedRequest, formatRequest } from './request.ts'

const plain = { colors: false }
const request: DecidedRequest = {
  id: 'req-1',
  at: '2026-01-01T00:00:00.000Z',
  service: 'nova-api',
  call: 'DELETE /v2.1/servers/:id',
  status: 403,
  error: "Policy doesn't allow servers:delete to be performed.",
  user_id: 'u1',
  project_id: 'p1',
  roles: ['reader'],
  address: '10.0.0.1',
  policy: [
    { rule: 'servers:show', allowed: true, because: 'role:reader, project_id:%(project_id)s' },
    {
      rule: 'servers:delete',
      allowed: false,
      because: 'role:admin (the roles are reader); role:member (the roles are reader)',
      check: 'rule:admin or role:member',
      from: 'compute.yaml:3:1',
    },
  ],
}

describe('nimbo policy why', () => {
  it('names the deciding rule, where it is from, and each part of its check that failed', () => {
    expect(formatRequest(request, plain)).toEqual([
      'DELETE /v2.1/servers/:id of nova-api, 2026-01-01T00:00:00.000Z',
      "answered  403: Policy doesn't allow servers:delete to be performed.",
      'asked by  user u1 in project p1, from 10.0.0.1',
      'roles     reader',
      '',
      'refused by the rule servers:delete (compute.yaml:3:1)',
      '  its check  rule:admin or role:member',
      '  failed at',
      '    role:admin (the roles are reader)',
      '    role:member (the roles are reader)',
      '',
      'asked besides:',
      '  yes  servers:show  by role:reader, project_id:%(project_id)s',
    ])
  })

  it('says so where no rule is to blame', () => {
    const text = (given: Partial<DecidedRequest>) => formatRequest({ ...request, ...given }, plain).join('\n')
    expect(text({ status: 409 })).toContain('No rule refused it: what it was answered has other reasons.')
    expect(text({ status: 401, user_id: undefined, policy: [] })).toContain('who asked was not known')
    expect(text({ status: 200, policy: request.policy.slice(0, 1) })).toContain(
      'Every rule that counted let it pass.',
    )
    expect(text({ status: 404 })).toContain('refused by the rule servers:delete')
  })
})

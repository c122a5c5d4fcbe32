// Property: whatever is given to whom, a token holds just the roles that the listing of effective assignments names.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { inProject, passwordAuth, testIdentity } from './test-identity.ts'

const users = ['ann', 'bob']
const groups = ['crew', 'team']
/** Each with the one above it; the first stands below the domain. */
const projects = ['top', 'middle', 'leaf', 'aside']
const above: Record<string, string | undefined> = { middle: 'top', leaf: 'middle' }
const roles = ['r0', 'r1', 'r2', 'r3']

const grant = fc.record({
  actor: fc.constantFrom(...users, ...groups),
  target: fc.constantFrom(...projects, 'domain'),
  role: fc.constantFrom(...roles),
  inherited: fc.boolean(),
})
const plan = fc.record({
  grants: fc.uniqueArray(grant, { maxLength: 6, selector: (each) => JSON.stringify(each) }),
  members: fc.uniqueArray(fc.tuple(fc.constantFrom(...users), fc.constantFrom(...groups)), {
    maxLength: 3,
    selector: String,
  }),
  // From a lower to a higher number only: a circle is refused.
  implied: fc.uniqueArray(
    fc
      .tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 1, max: 3 }))
      .filter(([prior, next]) => prior < next),
    { maxLength: 3, selector: String },
  ),
})

it('gives tokens the roles that are listed as effective', async () => {
  await fc.assert(
    fc.asyncProperty(plan, async ({ grants, members, implied }) => {
      const identity = await testIdentity()
      try {
        const admin = await identity.admin()
        const ids = new Map([['domain', 'default']])
        const make = async (kind: string, name: string, more: Record<string, unknown> = {}) => {
          const answer = await identity.ask(admin, 'POST', `/v3/${kind}s`, { [kind]: { name, ...more } })
          ids.set(name, answer.body[kind].id)
        }
        for (const name of users) await make('user', name, { password: 'pw' })
        for (const name of groups) await make('group', name)
        for (const name of roles) await make('role', name)
        for (const name of projects)
          await make('project', name, { parent_id: ids.get(above[name] ?? 'domain') })
        const put = async (path: string) => {
          const { status } = await identity.ask(admin, 'PUT', `/v3${path}`)
          expect([path, status < 300]).toEqual([path, true])
        }
        for (const [user, group] of members) await put(`/groups/${ids.get(group)}/users/${ids.get(user)}`)
        for (const [prior, next] of implied)
          await put(`/roles/${ids.get(`r${prior}`)}/implies/${ids.get(`r${next}`)}`)
        for (const { actor, target, role, inherited } of grants) {
          const kind = users.includes(actor) ? 'users' : 'groups'
          const place = target === 'domain' ? '/domains/default' : `/projects/${ids.get(target)}`
          const path = `${place}/${kind}/${ids.get(actor)}/roles/${ids.get(role)}`
          await put(inherited ? `/OS-INHERIT${path}/inherited_to_projects` : path)
        }
        for (const user of users) {
          for (const project of projects) {
            const query = `effective&user.id=${ids.get(user)}&scope.project.id=${ids.get(project)}`
            const { role_assignments: listed } = (
              await identity.ask(admin, 'GET', `/v3/role_assignments?${query}`)
            ).body
            const answer = await identity.auth(passwordAuth(user, 'pw', inProject(project)))
            const held: { id: string }[] = answer.status === 201 ? answer.body.token.roles : []
            expect(new Set(held.map((each) => each.id))).toEqual(
              new Set(listed.map((each: { role: { id: string } }) => each.role.id)),
            )
            expect(answer.status).toBe(listed.length === 0 ? 401 : 201)
          }
        }
      } finally {
        await identity.close()
      }
    }),
    { numRuns: 25 },
  )
})

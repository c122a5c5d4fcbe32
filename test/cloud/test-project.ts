// A project with one user in it, both called `name`, for the tests of a cloud; the user's password is that, too.
import type { Session } from '#cli/openstack.ts'

export async function makeProject(admin: Session, name: string, roles: readonly string[]): Promise<void> {
  const { project } = await admin.call<{ project: { id: string } }>('identity', {
    method: 'POST',
    path: '/projects',
    body: { project: { name, domain_id: 'default' } },
  })
  const { user } = await admin.call<{ user: { id: string } }>('identity', {
    method: 'POST',
    path: '/users',
    body: { user: { name, domain_id: 'default', password: name } },
  })
  for (const role of roles) {
    const { roles: found } = await admin.call<{ roles: { id: string }[] }>('identity', {
      path: `/roles?name=${role}`,
    })
    const path = `/projects/${project.id}/users/${user.id}/roles/${found[0]!.id}`
    await admin.call('identity', { method: 'PUT', path })
  }
}

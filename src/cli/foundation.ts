// What every cloud has from its first start: project and user `demo`, and the flavors.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { ensureNamed, findNamed } from './ensure.ts'
import type { Session } from './openstack.ts'

/** Name, id, MiB of memory, vCPUs, GiB of disk. m1.nano is row 100's; the tiny image asks for more than its 64 MiB. */
const flavors = [
  ['m1.nano', '0', 64, 1, 1],
  ['m1.micro', '84', 192, 1, 1],
  ['m1.tiny', '1', 512, 1, 1],
  ['m1.small', '2', 2048, 1, 20],
  ['m1.medium', '3', 4096, 2, 40],
  ['m1.large', '4', 8192, 4, 80],
] as const

export async function layFoundation(admin: Session, demoPassword: string): Promise<void> {
  const project = await ensureNamed(admin, 'identity', '/projects', 'project', {
    name: 'demo',
    domain_id: 'default',
    description: 'For trying things out',
  })
  const user =
    (await findNamed(admin, 'identity', '/users', 'demo', 'domain_id=default')) ??
    (await ensureNamed(admin, 'identity', '/users', 'user', {
      name: 'demo',
      domain_id: 'default',
      password: demoPassword,
      default_project_id: project.id,
    }))
  const role = await findNamed(admin, 'identity', '/roles', 'member')
  if (!role) throw new CloudError('internal', 'The identity service has no role member.')
  await admin.call('identity', {
    method: 'PUT',
    path: `/projects/${project.id}/users/${user.id}/roles/${role.id}`,
  })
  await ensureFlavors(admin)
}

async function ensureFlavors(admin: Session): Promise<void> {
  const { flavors: known } = await admin.call<{ flavors: { id: string; name: string }[] }>('compute', {
    path: '/flavors?is_public=None',
  })
  for (const [name, id, ram, vcpus, disk] of flavors) {
    if (known.some((flavor) => flavor.name === name || flavor.id === id)) continue
    const body = { flavor: { name, id, ram, vcpus, disk, 'os-flavor-access:is_public': true } }
    await admin.call('compute', { method: 'POST', path: '/flavors', body })
  }
}

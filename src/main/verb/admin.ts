// What verbs that speak to the cloud's APIs as its administrator have in common.
import { openSession, type Session } from '#cli/openstack.ts'
import { cloudHttp } from '../api.ts'
import { loginOf } from '../credential.ts'
import { type Cloud, readCloud } from '../data-folder.ts'
import type { Invocation } from '../verb.ts'

export async function asAdmin<T>(
  { world, root }: Pick<Invocation, 'world' | 'root'>,
  work: (session: Session, cloud: Cloud) => Promise<T>,
): Promise<T> {
  const cloud = await readCloud(world, root)
  const login = loginOf(cloud, 'admin')
  const http = await cloudHttp(world, cloud)
  try {
    return await work(await openSession(http, login), cloud)
  } finally {
    http.close()
  }
}

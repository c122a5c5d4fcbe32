// The files by which people and tools enter the cloud: openrc scripts and clouds.yaml, readable by the owner alone.
import type { World } from '#kit/world/world.ts'
import { formatYaml } from '#kit/yaml/yaml.ts'
import { publicOrigin, usesTls } from './api.ts'
import type { Cloud } from './data-folder.ts'

export type Login = {
  authUrl: string
  username: string
  password: string
  project: string
  region: string
  /** File of the authority that signs the APIs' certificates; absent without TLS. */
  authority?: string
}

export function loginOf(cloud: Cloud, who: 'admin' | 'demo'): Login {
  return {
    authUrl: `${publicOrigin(cloud, 'identity')}/v3`,
    username: who,
    password: cloud.secrets[who],
    project: who,
    region: cloud.settings.region,
    ...(usesTls(cloud.settings) && { authority: cloud.folder.authority }),
  }
}

export async function writeCredentials(world: World, cloud: Cloud): Promise<void> {
  const admin = loginOf(cloud, 'admin')
  const demo = loginOf(cloud, 'demo')
  await world.files.writeAtomic(cloud.folder.adminRc, openrc(admin), { mode: 0o600 })
  await world.files.writeAtomic(cloud.folder.demoRc, openrc(demo), { mode: 0o600 })
  await world.files.writeAtomic(cloud.folder.cloudsYaml, cloudsYaml(admin, demo), { mode: 0o600 })
}

export function openrc(login: Login): string {
  const lines = {
    OS_AUTH_URL: login.authUrl,
    OS_USERNAME: login.username,
    OS_PASSWORD: login.password,
    OS_PROJECT_NAME: login.project,
    OS_USER_DOMAIN_NAME: 'Default',
    OS_PROJECT_DOMAIN_NAME: 'Default',
    OS_REGION_NAME: login.region,
    OS_IDENTITY_API_VERSION: '3',
    OS_IMAGE_API_VERSION: '2',
    OS_VOLUME_API_VERSION: '3',
    ...(login.authority && { OS_CACERT: login.authority }),
  }
  return Object.entries(lines)
    .map(([name, value]) => `export ${name}='${value}'\n`)
    .join('')
}

/** For openstacksdk: `openstack --os-cloud nimbo-admin ...` with OS_CLIENT_CONFIG_FILE at this file. */
export function cloudsYaml(admin: Login, demo: Login): string {
  const entry = (login: Login) => ({
    auth: {
      auth_url: login.authUrl,
      username: login.username,
      password: login.password,
      project_name: login.project,
      user_domain_name: 'Default',
      project_domain_name: 'Default',
    },
    region_name: login.region,
    identity_api_version: 3,
    ...(login.authority && { cacert: login.authority }),
  })
  return formatYaml({ clouds: { 'nimbo-admin': entry(admin), 'nimbo-demo': entry(demo) } })
}

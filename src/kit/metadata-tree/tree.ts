// Both trees behind one question, and the files of a config drive.
import { ec2Files, ec2Item } from './ec2.ts'
import type { InstanceFacts } from './facts.ts'
import { openstackFiles, openstackItem, openstackVersion, type TreeOptions } from './openstack.ts'

export type MetadataItem = {
  content: Buffer | string
  type: 'application/json' | 'text/plain; charset=UTF-8'
}

/** `path` is the request's, with or without slashes at its ends. Undefined where nothing is. */
export function metadataItem(
  facts: InstanceFacts,
  path: string,
  options: TreeOptions,
): MetadataItem | undefined {
  const parts = path.split('/').filter((part) => part !== '')
  const content =
    parts[0] === 'openstack' ? openstackItem(facts, parts.slice(1), options) : ec2Item(facts, parts, options)
  if (content === undefined) return undefined
  return { content, type: path.endsWith('.json') ? 'application/json' : 'text/plain; charset=UTF-8' }
}

/** '/openstack/latest/password', the one path to which a guest may write. */
export function isPasswordPath(path: string): boolean {
  const [first, version, name, ...more] = path.split('/').filter((part) => part !== '')
  const since = openstackVersion(version)
  return (
    first === 'openstack' &&
    since !== undefined &&
    since >= '2013-04-04' &&
    name === 'password' &&
    more.length === 0
  )
}

/** Contents by path, as a config drive labelled 'config-2' holds them. */
export function configDriveFiles(
  facts: InstanceFacts,
  options: TreeOptions,
): Record<string, Buffer | string> {
  return { ...openstackFiles(facts, options), ...ec2Files(facts, options) }
}

// All paths of the tree, for the server that asks.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type Answer, answer, type Incoming } from '#kit/http/route.ts'
import { isPasswordPath, metadataItem } from '#kit/metadata-tree/tree.ts'
import { type MetadataContext, route } from '../app.ts'
import { callingServer } from '../ops/caller.ts'
import { keepPassword } from '../ops/password.ts'

async function read(context: MetadataContext, { params, headers }: Incoming<unknown>): Promise<Answer> {
  const facts = await callingServer(context, headers)
  const item = metadataItem(facts, pathOf(params), context.app.tree)
  if (!item) throw new CloudError('notFound', 'The resource could not be found.')
  return answer({ headers: { 'content-type': item.type }, body: item.content })
}

async function write(
  context: MetadataContext,
  { params, headers, stream }: Incoming<unknown>,
): Promise<Answer> {
  const facts = await callingServer(context, headers)
  if (!isPasswordPath(pathOf(params))) throw new CloudError('notFound', 'The resource could not be found.')
  await keepPassword(context, facts, stream)
  return answer({ status: 200, body: '' })
}

const pathOf = (params: Record<string, string>) => `/${params['*'] ?? ''}`

/** Nobody has a token inside a guest: the signature of the agent stands for it. */
export const treeRoutes = [
  route('GET', '/', { policy: 'public', handle: read }),
  route('GET', '/*', { policy: 'public', handle: read }),
  route('POST', '/*', { policy: 'public', body: 'stream', handle: write }),
]

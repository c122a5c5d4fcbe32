// /os-keypairs.

import { nextUrl } from '#kit/http/page.ts'
import { answer, type Context } from '#kit/http/route.ts'
import { type Compute, route } from '../app.ts'
import * as keypairs from '../ops/keypair.ts'
import {
  keypairBodies,
  keypairBrief,
  keypairCreated,
  keypairView,
  type NewKeypair,
} from '../resources/keypair.ts'
import { checkQuery, paging } from '../resources/query.ts'

const oneQuery = new Set(['user_id'])
const listQuery = new Set(['user_id', ...paging])

type Wish = ReturnType<(typeof keypairBodies)['until292']['parse']>
const create = async (context: Context<Compute>, { body }: { body: Wish }) => {
  const made: NewKeypair = await keypairs.createKeypair(context, body)
  return answer({
    status: (context.version ?? 0) >= 2002 ? 201 : 200,
    body: { keypair: keypairCreated(made, context) },
  })
}

export const keypairRoutes = [
  route('GET', '/os-keypairs', {
    policy: 'token',
    handle: async (context, { query }) => {
      checkQuery(query, listQuery, context.version)
      const page = await keypairs.listKeypairs(context, query)
      const next = page.next && nextUrl(`${context.origin}/v2.1/os-keypairs`, query, page.next)
      return {
        keypairs: page.keypairs.map((each) => ({ keypair: keypairBrief(each, context) })),
        ...(next && { keypairs_links: [{ rel: 'next', href: next }] }),
      }
    },
  }),
  route('POST', '/os-keypairs', {
    until: '2.91',
    policy: 'token',
    body: keypairBodies.until292,
    handle: create,
  }),
  route('POST', '/os-keypairs', {
    since: '2.92',
    policy: 'token',
    body: keypairBodies.from292,
    handle: create,
  }),
  route('GET', '/os-keypairs/:name', {
    policy: 'token',
    handle: async (context, { params, query }) => {
      checkQuery(query, oneQuery, context.version)
      return { keypair: keypairView(await keypairs.loadKeypair(context, params.name!, query), context) }
    },
  }),
  route('DELETE', '/os-keypairs/:name', {
    policy: 'token',
    handle: async (context, { params, query }) => {
      checkQuery(query, oneQuery, context.version)
      await keypairs.deleteKeypair(context, params.name!, query)
      return answer({ status: (context.version ?? 0) >= 2002 ? 204 : 202 })
    },
  }),
]

// Routes of OAuth 1 consumers. Their protocol is not served: lists of its tokens are empty.
// https://docs.openstack.org/api-ref/identity/v3-ext/#os-oauth1-api
import { route } from '../app.ts'
import {
  changeConsumer,
  checkAccessTokens,
  createConsumer,
  deleteConsumer,
  getConsumer,
  listConsumersFor,
} from '../ops/consumer.ts'
import { consumerCreate, consumerRules, consumerUpdate, consumerView } from '../resources/consumer.ts'
import { listing } from './listing.ts'

const many = '/OS-OAUTH1/consumers'

export const consumerRoutes = [
  route('GET', many, {
    policy: consumerRules.list,
    handle: async (context, { query }) => {
      const views = (await listConsumersFor(context)).map((row) => consumerView(row, context))
      return listing(context, many, query, 'consumers', views)
    },
  }),
  route('POST', many, {
    policy: consumerRules.create,
    body: consumerCreate,
    status: 201,
    handle: async (context, { body }) => ({
      consumer: consumerView(await createConsumer(context, body), context),
    }),
  }),
  route('GET', `${many}/:consumer_id`, {
    policy: consumerRules.get,
    handle: async (context, { params }) => ({
      consumer: consumerView(await getConsumer(context, params.consumer_id!), context),
    }),
  }),
  route('PATCH', `${many}/:consumer_id`, {
    policy: consumerRules.update,
    body: consumerUpdate,
    handle: async (context, { params, body }) => ({
      consumer: consumerView(await changeConsumer(context, params.consumer_id!, body), context),
    }),
  }),
  route('DELETE', `${many}/:consumer_id`, {
    policy: consumerRules.delete,
    handle: (context, { params }) => deleteConsumer(context, params.consumer_id!),
  }),
  route('GET', '/users/:user_id/OS-OAUTH1/access_tokens', {
    policy: 'token',
    handle: async (context, { params, query }) => {
      await checkAccessTokens(context, params.user_id!)
      return listing(context, `/users/${params.user_id}/OS-OAUTH1/access_tokens`, query, 'access_tokens', [])
    },
  }),
]

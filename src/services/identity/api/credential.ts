// Routes of credentials, EC2 keys among them. https://docs.openstack.org/api-ref/identity/v3/#credentials
import { route } from '../app.ts'
import {
  changeCredential,
  createCredential,
  createEc2Key,
  deleteCredential,
  deleteEc2Key,
  getCredential,
  getEc2Key,
  listCredentialsFor,
  listEc2Keys,
} from '../ops/credential.ts'
import {
  credentialCreate,
  credentialUpdate,
  credentialView,
  ec2Create,
  ec2View,
} from '../resources/credential.ts'
import { listing } from './listing.ts'

export const credentialRoutes = [
  route('GET', '/credentials', {
    policy: 'token',
    handle: async (context, { query }) => {
      const rows = await listCredentialsFor(context, {
        userId: query.get('user_id'),
        type: query.get('type'),
      })
      const views = rows.map((row) => credentialView(row, context))
      return listing(context, '/credentials', query, 'credentials', views)
    },
  }),
  route('POST', '/credentials', {
    policy: 'token',
    body: credentialCreate,
    status: 201,
    handle: async (context, { body }) => ({
      credential: credentialView(await createCredential(context, body), context),
    }),
  }),
  route('GET', '/credentials/:credential_id', {
    policy: 'token',
    handle: async (context, { params }) => ({
      credential: credentialView(await getCredential(context, params.credential_id!), context),
    }),
  }),
  route('PATCH', '/credentials/:credential_id', {
    policy: 'token',
    body: credentialUpdate,
    handle: async (context, { params, body }) => ({
      credential: credentialView(await changeCredential(context, params.credential_id!, body), context),
    }),
  }),
  route('DELETE', '/credentials/:credential_id', {
    policy: 'token',
    handle: (context, { params }) => deleteCredential(context, params.credential_id!),
  }),
  route('GET', '/users/:user_id/credentials/OS-EC2', {
    policy: 'token',
    handle: async (context, { params, query }) => {
      const views = (await listEc2Keys(context, params.user_id!)).map((key) => ec2View(key, context))
      return listing(context, `/users/${params.user_id}/credentials/OS-EC2`, query, 'credentials', views)
    },
  }),
  route('POST', '/users/:user_id/credentials/OS-EC2', {
    policy: 'token',
    body: ec2Create,
    status: 201,
    handle: async (context, { params, body }) => ({
      credential: ec2View(await createEc2Key(context, params.user_id!, body.tenantId), context),
    }),
  }),
  route('GET', '/users/:user_id/credentials/OS-EC2/:credential_id', {
    policy: 'token',
    handle: async (context, { params }) => ({
      credential: ec2View(await getEc2Key(context, params.user_id!, params.credential_id!), context),
    }),
  }),
  route('DELETE', '/users/:user_id/credentials/OS-EC2/:credential_id', {
    policy: 'token',
    handle: (context, { params }) => deleteEc2Key(context, params.user_id!, params.credential_id!),
  }),
]

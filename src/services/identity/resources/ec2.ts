// Requests that were signed with an EC2 key, as EC2's and S3's doors hand them over for a token.
// https://docs.openstack.org/api-ref/identity/v3-ext/#os-ec2-api, #os-s3token-api
import { type Static, Type } from 'typebox'
import { body } from '#kit/http/body.ts'
import { rule } from '#kit/policy/policy.ts'
import { everywhere } from './rule.ts'

const text = Type.Optional(Type.String())
const plain = Type.Union([Type.String(), Type.Number(), Type.Boolean()])
const ec2 = Type.Object({
  access: Type.String(),
  signature: Type.String(),
  host: text,
  verb: text,
  path: text,
  params: Type.Optional(Type.Record(Type.String(), plain)),
  headers: Type.Optional(Type.Record(Type.String(), plain)),
  body_hash: text,
})
const s3 = Type.Object({ access: Type.String(), token: Type.String(), signature: Type.String() })
export type Ec2Wish = Static<typeof ec2>
export type S3Wish = Static<typeof s3>

/** Older clients call it ec2Credentials. */
export const ec2Login = body(
  null,
  {
    credentials: { schema: ec2, optional: true },
    ec2Credentials: { schema: ec2, optional: true, as: 'ec2Credentials' },
  },
  { extra: 'ignore' },
)
export const s3Login = body(null, { credentials: { schema: s3 } }, { extra: 'ignore' })

const services = 'rule:service_or_admin'
export const signedRequestRules = {
  ec2: rule('identity:ec2tokens_validate', services, 'Get the token of who signed a request', everywhere),
  s3: rule('identity:s3tokens_validate', services, 'Get the token of who signed a request to S3', everywhere),
}

// Routes of tokens for signed requests. Only services may ask: a signed address that was passed on would else be as good
// as a login. https://docs.openstack.org/api-ref/identity/v3-ext/#os-ec2-api
import { CloudError } from '#kit/errors/cloud-error.ts'
import { answer } from '#kit/http/route.ts'
import { route } from '../app.ts'
import { tokenForRequest, tokenForText } from '../ops/ec2.ts'
import { ec2Login, s3Login, signedRequestRules } from '../resources/ec2.ts'

const json = { 'content-type': 'application/json' }

export const ec2Routes = [
  route('POST', '/ec2tokens', {
    policy: signedRequestRules.ec2,
    body: ec2Login,
    handle: async (context, { body }) => {
      const wish = body.credentials ?? body.ec2Credentials
      if (!wish) throw new CloudError('badRequest', "'credentials' is a required property")
      const { token, valid } = await tokenForRequest(context, wish)
      return answer({ status: 200, headers: { ...json, 'x-subject-token': token }, body: valid.text(true) })
    },
  }),
  // Without the token itself: S3's door needs to know who it is and no more.
  route('POST', '/s3tokens', {
    policy: signedRequestRules.s3,
    body: s3Login,
    handle: async (context, { body }) => {
      const { valid } = await tokenForText(context, body.credentials)
      return answer({ status: 200, headers: json, body: valid.text(true) })
    },
  }),
]

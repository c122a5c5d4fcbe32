// Certificates of PKI tokens, a kind that is no more: whoever still asks hears just that, as keystone says it.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { route } from '../app.ts'

export const simpleCertificateRoutes = ['ca', 'certificates'].map((name) =>
  route('GET', `/OS-SIMPLE-CERT/${name}`, {
    policy: 'public',
    handle: async () => {
      throw new CloudError('gone', 'This API is no longer available: there are no PKI tokens any more.')
    },
  }),
)

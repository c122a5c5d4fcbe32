// Routes of domains' own configuration: the whole, a section, one option, and the defaults of each.
// https://docs.openstack.org/api-ref/identity/v3/#domain-configuration

import { body } from '#kit/http/body.ts'
import { answer } from '#kit/http/route.ts'
import { route } from '../app.ts'
import {
  changeDomainConfig,
  createDomainConfig,
  deleteDomainConfig,
  getDefaultConfig,
  getDomainConfig,
  type Part,
} from '../ops/domain-config.ts'
import { domainConfigRules } from '../resources/domain-config.ts'

/** Which options there are is the op's to say: its answer to a wrong one is 403. */
const configBody = body('config', {}, { extra: 'keep' })

const partOf = (params: Record<string, string>): Part => ({ section: params.group, option: params.option })
const parts = ['', '/:group', '/:group/:option']

const whole = '/domains/:domain_id/config'

export const domainConfigRoutes = [
  route('PUT', whole, {
    policy: domainConfigRules.create,
    body: configBody,
    handle: async (context, { params, body }) => {
      const { config, created } = await createDomainConfig(context, params.domain_id!, body.extra)
      return answer({ status: created ? 201 : 200, body: { config } })
    },
  }),
  ...parts.flatMap((part) => [
    route('GET', `/domains/config${part}/default`, {
      policy: domainConfigRules.getDefault,
      handle: async (context, { params }) => ({ config: await getDefaultConfig(context, partOf(params)) }),
    }),
    route('GET', `${whole}${part}`, {
      policy: 'token',
      handle: async (context, { params }) => ({
        config: await getDomainConfig(context, params.domain_id!, partOf(params)),
      }),
    }),
    route('PATCH', `${whole}${part}`, {
      policy: domainConfigRules.update,
      body: configBody,
      handle: async (context, { params, body }) => ({
        config: await changeDomainConfig(context, params.domain_id!, body.extra, partOf(params)),
      }),
    }),
    route('DELETE', `${whole}${part}`, {
      policy: domainConfigRules.delete,
      handle: (context, { params }) => deleteDomainConfig(context, params.domain_id!, partOf(params)),
    }),
  ]),
]

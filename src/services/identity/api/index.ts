// All routes of identity, and which methods each of their paths has.
import { applicationCredentialRoutes } from './application-credential.ts'
import { assignmentRoutes } from './assignment.ts'
import { authRoutes } from './auth.ts'
import { consumerRoutes } from './consumer.ts'
import { credentialRoutes } from './credential.ts'
import { discoveryRoutes } from './discovery.ts'
import { domainRoutes } from './domain.ts'
import { domainConfigRoutes } from './domain-config.ts'
import { ec2Routes } from './ec2.ts'
import { endpointRoutes } from './endpoint.ts'
import { endpointFilterRoutes } from './endpoint-filter.ts'
import { endpointPolicyRoutes } from './endpoint-policy.ts'
import { federationRoutes } from './federation.ts'
import { grantRoutes } from './grant.ts'
import { groupRoutes } from './group.ts'
import { limitRoutes } from './limit.ts'
import { oauth2Routes } from './oauth2.ts'
import { policyRoutes } from './policy.ts'
import { projectRoutes } from './project.ts'
import { regionRoutes } from './region.ts'
import { revocationRoutes } from './revocation.ts'
import { roleRoutes } from './role.ts'
import { serviceRoutes } from './service.ts'
import { simpleCertificateRoutes } from './simple-certificate.ts'
import { trustRoutes } from './trust.ts'
import { userRoutes } from './user.ts'

const apiRoutes = [
  ...authRoutes,
  ...ec2Routes,
  ...oauth2Routes,
  ...revocationRoutes,
  ...domainRoutes,
  ...domainConfigRoutes,
  ...projectRoutes,
  ...userRoutes,
  ...groupRoutes,
  ...roleRoutes,
  ...grantRoutes,
  ...assignmentRoutes,
  ...regionRoutes,
  ...serviceRoutes,
  ...endpointRoutes,
  ...credentialRoutes,
  ...applicationCredentialRoutes,
  ...trustRoutes,
  ...policyRoutes,
  ...endpointFilterRoutes,
  ...endpointPolicyRoutes,
  ...limitRoutes,
  ...consumerRoutes,
  ...federationRoutes,
  ...simpleCertificateRoutes,
]

export const allRoutes = [...discoveryRoutes(apiRoutes), ...apiRoutes]

const methods = new Map<string, Set<string>>()
for (const { method, path } of apiRoutes) {
  const shape = path.replace(/:[^/]+/g, ':')
  const known = methods.get(shape) ?? new Set(['OPTIONS'])
  methods.set(shape, known.add(method))
  if (method === 'GET') known.add('HEAD')
}
const shapes = [...methods].map(
  ([shape, names]) => [new RegExp(`^/v3${shape.replaceAll(':', '[^/]+')}/?$`), [...names]] as const,
)

/** Empty where there is no such path. */
export function methodsOf(path: string): readonly string[] {
  return shapes.find(([shape]) => shape.test(path))?.[1] ?? []
}

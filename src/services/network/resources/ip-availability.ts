// Who may see how many addresses are taken.
import { adminOnly, guard } from './policy.ts'

export const ipAvailabilityRules = {
  get: guard(
    'get_network_ip_availability',
    `${adminOnly} or rule:service_api`,
    'Show how many addresses of networks are taken',
  ),
}

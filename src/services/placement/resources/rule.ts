// The words that placement's rules share; an operator's policy file may change what they mean.
import { rule } from '#kit/policy/policy.ts'

const project = ['project'] as const
/** In force besides the newer words until `enforce_new_defaults` is on. */
const older = { check: 'role:admin' }

export const administrator = 'rule:admin_or_service_api'
export const service = 'rule:service_api'
export const projectReader = 'rule:admin_or_project_reader_or_service_api'

export const sharedRules = {
  admin: rule('admin_api', 'role:admin', 'Administrators', project),
  // Nothing of ours refers to the next three; files that were written for Zed's placement do.
  systemAdmin: rule(
    'system_admin_api',
    'role:admin and system_scope:all',
    'Administrators of the system',
    undefined,
    older,
  ),
  systemReader: rule(
    'system_reader_api',
    'role:reader and system_scope:all',
    'Readers of the system',
    undefined,
    older,
  ),
  systemOrProjectReader: rule(
    'system_or_project_reader',
    'rule:system_reader_api or rule:project_reader_api',
    'Readers of the system, and in the project at hand',
    undefined,
    older,
  ),
  service: rule('service_api', 'role:service', 'Other services of the cloud', project, older),
  adminOrService: rule(
    'admin_or_service_api',
    'role:admin or role:service',
    'Administrators and other services',
    project,
    older,
  ),
  projectReader: rule(
    'project_reader_api',
    'role:reader and project_id:%(project_id)s',
    'Readers in the project at hand',
    project,
    older,
  ),
  projectReaderOrAbove: rule(
    'admin_or_project_reader_or_service_api',
    'role:admin or rule:project_reader_api or role:service',
    'Administrators, other services, and readers in the project at hand',
    project,
    older,
  ),
}

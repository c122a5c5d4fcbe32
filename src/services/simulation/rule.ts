// Who may break, save and put back a simulated cloud: admins, who could do as much harm without it.
import { rule } from '#kit/policy/policy.ts'

const scopes = ['system', 'project'] as const
const admin = 'role:admin'

export const simulationRules = {
  listFaults: rule('simulation:list_faults', admin, 'List faults and their kinds', scopes),
  addFault: rule('simulation:add_fault', admin, 'Make a fault in the simulated cloud', scopes),
  endFault: rule('simulation:end_fault', admin, 'End a fault before its time', scopes),
  listSnapshots: rule('simulation:list_snapshots', admin, 'List snapshots of the simulated cloud', scopes),
  saveSnapshot: rule('simulation:save_snapshot', admin, 'Save the whole simulated cloud', scopes),
  restoreSnapshot: rule(
    'simulation:restore_snapshot',
    admin,
    'Put the whole simulated cloud back to a snapshot',
    scopes,
  ),
  deleteSnapshot: rule('simulation:delete_snapshot', admin, 'Delete a snapshot', scopes),
}

// Routes of faults and their kinds.
import { isTrue } from '#kit/http/query.ts'
import { route } from '../app.ts'
import { addFault, endFault, listFaults, showFault } from '../ops/fault.ts'
import { faultView } from '../resources/fault.ts'
import { anyFault, faultKindNames, faultKindView } from '../resources/fault-kind.ts'
import { simulationRules } from '../rule.ts'

export const faultRoutes = [
  route('GET', '/', {
    policy: 'public',
    root: true,
    handle: async ({ origin }) => ({
      versions: [{ id: 'v1.0', status: 'CURRENT', links: [{ rel: 'self', href: `${origin}/v1/` }] }],
    }),
  }),
  route('GET', '/fault-kinds', {
    policy: simulationRules.listFaults,
    handle: async () => ({ fault_kinds: faultKindNames.map(faultKindView) }),
  }),
  route('GET', '/faults', {
    policy: simulationRules.listFaults,
    handle: async ({ app }, { query }) => ({
      faults: listFaults(app, isTrue(query.get('all'))).map((each) => faultView(each)),
    }),
  }),
  route('POST', '/faults', {
    policy: simulationRules.addFault,
    body: anyFault,
    status: 201,
    handle: async (context, { body }) => ({ fault: faultView(await addFault(context, body)) }),
  }),
  route('GET', '/faults/:id', {
    policy: simulationRules.listFaults,
    handle: async ({ app }, { params }) => ({ fault: faultView(showFault(app, params.id!)) }),
  }),
  route('DELETE', '/faults/:id', {
    policy: simulationRules.endFault,
    handle: async (context, { params }) => endFault(context, params.id!),
  }),
]

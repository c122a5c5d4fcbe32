// Volume types, their extra specs, and who may use those that aren't public.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { body, described } from '#kit/http/body.ts'
import { route } from '../app.ts'
import {
  addAccess,
  createType,
  deleteSpec,
  deleteType,
  listAccess,
  listTypes,
  loadType,
  removeAccess,
  setSpecs,
  shownType,
  showSpec,
  showSpecs,
  updateType,
} from '../ops/volume-type.ts'
import { extraSpecs } from '../resources/schema.ts'
import {
  accessAdd,
  accessRemove,
  extraSpecsBody,
  volumeTypeRules as rules,
  volumeTypeChanged,
  volumeTypeCreate,
  volumeTypeMade,
  volumeTypeUpdate,
  volumeTypeView,
} from '../resources/volume-type.ts'

const named = body(null, { spec: { schema: extraSpecs } })
const oneSpec = described(
  { ...extraSpecs, minProperties: 1, maxProperties: 1 },
  (given) => named.parse({ spec: given }).spec,
)

export const volumeTypeRoutes = [
  route('GET', '/types', {
    policy: rules.list,
    handle: async (context, { query }) => ({
      volume_types: (await listTypes(context, query)).map((row) => volumeTypeView(row)),
    }),
  }),
  route('POST', '/types', {
    policy: rules.create,
    status: 200,
    body: volumeTypeCreate,
    handle: async (context, { body }) => ({ volume_type: volumeTypeMade(await createType(context, body)) }),
  }),
  route('GET', '/types/:id', {
    policy: rules.show,
    handle: async (context, { params }) => ({
      volume_type: volumeTypeView(shownType(context, await loadType(context, params.id!, rules.show))),
    }),
  }),
  route('PUT', '/types/:id', {
    policy: rules.update,
    body: volumeTypeUpdate,
    handle: async (context, { params, body }) => ({
      volume_type: volumeTypeChanged(await updateType(context, params.id!, body)),
    }),
  }),
  route('DELETE', '/types/:id', {
    policy: rules.delete,
    status: 202,
    handle: (context, { params }) => deleteType(context, params.id!),
  }),
  route('GET', '/types/:id/extra_specs', {
    policy: rules.specList,
    handle: async (context, { params }) => ({ extra_specs: await showSpecs(context, params.id!) }),
  }),
  route('POST', '/types/:id/extra_specs', {
    policy: rules.specCreate,
    status: 200,
    body: extraSpecsBody,
    handle: async (context, { params, body }) => {
      await setSpecs(context, params.id!, rules.specCreate, body.extraSpecs)
      return { extra_specs: body.extraSpecs }
    },
  }),
  route('GET', '/types/:id/extra_specs/:key', {
    policy: rules.specShow,
    handle: (context, { params }) => showSpec(context, params.id!, params.key!),
  }),
  route('PUT', '/types/:id/extra_specs/:key', {
    policy: rules.specUpdate,
    body: oneSpec,
    handle: async (context, { params, body: spec }) => {
      if (Object.keys(spec).length !== 1 || !Object.hasOwn(spec, params.key!))
        throw new CloudError('badRequest', 'Request body and URI mismatch')
      await setSpecs(context, params.id!, rules.specUpdate, spec)
      return spec
    },
  }),
  route('DELETE', '/types/:id/extra_specs/:key', {
    policy: rules.specDelete,
    status: 202,
    handle: (context, { params }) => deleteSpec(context, params.id!, params.key!),
  }),
  route('GET', '/types/:id/os-volume-type-access', {
    policy: rules.accessList,
    handle: async (context, { params }) => ({
      volume_type_access: (await listAccess(context, params.id!)).map((row) => ({
        volume_type_id: row.typeId,
        project_id: row.projectId,
      })),
    }),
  }),
  route('POST', '/types/:id/action', {
    action: 'addProjectAccess',
    policy: rules.accessAdd,
    status: 202,
    body: accessAdd,
    handle: (context, { params, body }) => addAccess(context, params.id!, body.project),
  }),
  route('POST', '/types/:id/action', {
    action: 'removeProjectAccess',
    policy: rules.accessRemove,
    status: 202,
    body: accessRemove,
    handle: (context, { params, body }) => removeAccess(context, params.id!, body.project),
  }),
]

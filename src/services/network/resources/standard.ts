// What all resources have: identity, owner, words, times, revision and tags.
import { c } from '#kit/db/table.ts'
import type { Attribute } from './attribute.ts'
import { seconds, text, toBoolean } from './value.ts'

export const standardColumns = {
  id: c.id(),
  projectId: c.text(255),
  description: c.text(255),
  /** Raised by each change that a client can see. */
  revision: c.bigint(),
  tags: c.json<string[]>(),
  createdAt: c.time(),
  updatedAt: c.time(),
}
export type Standard = {
  id: string
  projectId: string
  description: string
  revision: number
  tags: string[]
  createdAt: number
  updatedAt: number
}

export const idAttribute = {
  get: (row: { id: string }) => row.id,
  filter: 'id',
  sort: true,
} satisfies Attribute<{ id: string }>

export const nameAttribute = {
  post: true,
  put: true,
  read: text(255),
  default: '',
  get: (row: { name: string }) => row.name,
  filter: 'name',
  sort: true,
} as const satisfies Attribute<{ name: string }>

export const adminStateAttribute = {
  post: true,
  put: true,
  read: toBoolean,
  default: true,
  get: (row: { adminStateUp: boolean }) => row.adminStateUp,
  filter: 'adminStateUp',
  filterRead: toBoolean,
  sort: true,
} as const satisfies Attribute<{ adminStateUp: boolean }>

export const statusAttribute = {
  get: (row: { status: string }) => row.status,
  filter: 'status',
  sort: true,
} satisfies Attribute<{ status: string }>

const project = {
  get: (row: { projectId: string }) => row.projectId,
  filter: 'projectId',
  sort: true,
} satisfies Attribute<{ projectId: string }>

export const standardAttributes = {
  tenant_id: project,
  project_id: project,
  description: {
    post: true,
    put: true,
    read: text(255),
    default: '',
    get: (row: Standard) => row.description,
    filter: 'description',
    sort: true,
  },
  tags: { get: (row: Standard) => row.tags },
  created_at: { get: (row: Standard) => seconds(row.createdAt), sort: true, as: 'createdAt' },
  updated_at: { get: (row: Standard) => seconds(row.updatedAt), sort: true, as: 'updatedAt' },
  revision_number: {
    get: (row: Standard) => row.revision,
    filter: 'revision',
    filterRead: Number,
    sort: true,
    as: 'revision',
  },
} as const satisfies Record<string, Attribute<Standard>>

/** Of a new row; the caller adds its own columns. */
export function newStandard(
  world: { random: { uuid(): string }; clock: { now(): number } },
  given: { projectId: string; description?: string },
): Standard {
  const now = world.clock.now()
  return {
    id: world.random.uuid(),
    projectId: given.projectId,
    description: given.description ?? '',
    revision: 1,
    tags: [],
    createdAt: now,
    updatedAt: now,
  }
}

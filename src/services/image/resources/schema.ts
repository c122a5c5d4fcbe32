// The JSON schemas of images, members and tasks at /v2/schemas: clients read from them which names are fields and which are properties.
import { containerFormats, diskFormats, visibilities } from './image.ts'

const text = (description: string, more: object = {}) => ({ type: 'string', description, ...more })
const textOrNull = (description: string, more: object = {}) => ({
  type: ['null', 'string'],
  description,
  ...more,
})
const wholeOrNull = (description: string) => ({ type: ['null', 'integer'], readOnly: true, description })
const own = { readOnly: true }
const uuid = '^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$'

/** Properties that other services read: no fields of their own, and described so that clients offer them. */
const property = (description: string, type: string | string[] = 'string') => ({
  type,
  description,
  is_base: false,
})
const known = {
  architecture: property('The processor that the guest is made for'),
  instance_uuid: property('The server that it is a snapshot of'),
  kernel_id: property('The image of the kernel that it starts with', ['null', 'string']),
  ramdisk_id: property('The image of the initial RAM disk that it starts with', ['null', 'string']),
  os_distro: property('The distribution that is installed'),
  os_version: property("The distribution's version"),
}
const imageProperties = {
  id: text('The UUID of the image', { pattern: uuid }),
  name: textOrNull('A name for people', { maxLength: 255 }),
  status: text('Where the image is in its life', {
    ...own,
    enum: [
      'queued',
      'saving',
      'active',
      'killed',
      'deleted',
      'uploading',
      'importing',
      'pending_delete',
      'deactivated',
    ],
  }),
  visibility: text('Who sees the image', { enum: visibilities }),
  protected: { type: 'boolean', description: 'Whether deletion is refused' },
  os_hidden: { type: 'boolean', description: 'Whether default lists leave it out' },
  checksum: textOrNull('MD5 of the content', { ...own, maxLength: 32 }),
  os_hash_algo: textOrNull('Algorithm of os_hash_value', { ...own, maxLength: 64 }),
  os_hash_value: textOrNull('Hash of the content in hexadecimal', { ...own, maxLength: 128 }),
  owner: textOrNull('The project that owns the image', { maxLength: 255 }),
  size: wholeOrNull('Bytes of the content'),
  virtual_size: wholeOrNull('Bytes of the disk that a guest sees'),
  container_format: textOrNull('Format of the container', { enum: [null, ...containerFormats] }),
  disk_format: textOrNull('Format of the disk', { enum: [null, ...diskFormats] }),
  created_at: text('When the image was registered', own),
  updated_at: text('When the image last changed', own),
  tags: {
    type: 'array',
    description: 'Texts that stand for something to people',
    items: { type: 'string', maxLength: 255 },
  },
  direct_url: text('Where the store keeps the content', own),
  stores: text('Ids of the stores that have the content, with commas between them', own),
  locations: {
    type: 'array',
    description: 'Where the content lies',
    items: {
      type: 'object',
      properties: {
        url: { type: 'string', maxLength: 255 },
        metadata: { type: 'object' },
        validation_data: {
          type: 'object',
          writeOnly: true,
          description: 'Hashes of the content, which must be right where the image has some',
          additionalProperties: false,
          properties: {
            checksum: { type: 'string', minLength: 32, maxLength: 32 },
            os_hash_algo: { type: 'string', maxLength: 64 },
            os_hash_value: { type: 'string', maxLength: 128 },
          },
          required: ['os_hash_algo', 'os_hash_value'],
        },
      },
      required: ['url', 'metadata'],
    },
  },
  ...known,
  min_ram: { type: 'integer', description: 'MiB of memory that a server needs' },
  min_disk: { type: 'integer', description: 'GiB of disk that a server needs' },
  self: text('Path of the image', own),
  file: text('Path of its content', own),
  schema: text('Path of this schema', own),
}
const imageLinks = [
  { rel: 'self', href: '{self}' },
  { rel: 'enclosure', href: '{file}' },
  { rel: 'describedby', href: '{schema}' },
]
const image = {
  name: 'image',
  properties: imageProperties,
  additionalProperties: { type: 'string' },
  links: imageLinks,
}

const member = {
  name: 'member',
  properties: {
    image_id: text('The UUID of the image', { pattern: uuid }),
    member_id: text('The project with which it is shared'),
    status: text('Whether the project took it', { enum: ['pending', 'accepted', 'rejected'] }),
    created_at: text('When it was shared'),
    updated_at: text('When the status last changed'),
    schema: text('Path of this schema', own),
  },
  additionalProperties: false,
}

/** A list of tasks shows neither what they were given nor what came of it. */
function task(whole: boolean): object {
  return {
    name: 'task',
    properties: {
      id: text('The UUID of the task', { pattern: uuid }),
      type: text('What the task does', { enum: ['import', 'api_image_import'] }),
      status: text('How far it is', { enum: ['pending', 'processing', 'success', 'failure'] }),
      ...(whole && {
        input: { type: ['null', 'object'], description: 'What the task was given' },
        result: { type: ['null', 'object'], description: 'What came of it' },
        message: text('Why it failed, for people'),
      }),
      owner: text('The project that owns the task'),
      image_id: text('The image that it is about'),
      request_id: text('The request that began it'),
      user_id: text('The user who began it'),
      expires_at: textOrNull('When it is forgotten'),
      created_at: text('When it was made'),
      updated_at: text('When it last changed'),
      self: text('Path of the task', own),
      schema: text('Path of this schema', own),
    },
    additionalProperties: false,
  }
}

export function collection(name: string, item: object, links?: object[]): object {
  return {
    name,
    properties: {
      [name]: { type: 'array', items: item },
      first: { type: 'string' },
      next: { type: 'string' },
      schema: { type: 'string' },
    },
    ...(links && { links }),
  }
}
export const pageLinks = [
  { rel: 'first', href: '{first}' },
  { rel: 'next', href: '{next}' },
  { rel: 'describedby', href: '{schema}' },
]

export const imageSchemas: Record<string, object> = {
  image,
  images: collection('images', image, pageLinks),
  member,
  members: collection('members', member, pageLinks),
  task: task(true),
  tasks: collection('tasks', task(false), pageLinks),
}

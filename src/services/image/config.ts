// Options of image.
import { option } from '#kit/config/option.ts'
import { type ConfigOf, section } from '#kit/config/section.ts'
import { checkStores, type StoreSetting } from './resources/store.ts'

export const importMethods = ['glance-direct', 'web-download', 'copy-image', 'glance-download'] as const

export const imageConfig = section('image', {
  stores: option.json<readonly StoreSetting[]>(
    [],
    'Image stores, each {id, kind: file | http, folder, description, weight, readOnly, default}; none: one store of files, of which the API says nothing',
    checkStores,
  ),
  maxSizeGib: option.int(1024, 'The largest image that may be uploaded', { min: 1, unit: 'GiB' }),
  maxProperties: option.int(128, 'How many properties an image may have', { min: 0, unit: 'properties' }),
  maxTags: option.int(128, 'How many tags an image may have', { min: 0, unit: 'tags' }),
  maxMembers: option.int(128, 'How many projects an image may be shared with', { min: 0, unit: 'projects' }),
  userStorageQuotaGib: option.int(0, 'How much all images of a project may hold; 0 is without limit', {
    min: 0,
    unit: 'GiB',
  }),
  propertyProtectionFile: option.text(
    undefined,
    "A file in Glance's form that says who may create, read, update and delete which properties of images",
  ),
  propertyProtectionFormat: option.choice(
    'roles',
    ['roles', 'policies'],
    'Whether that file names roles, or rules of the policy',
  ),
  unifiedLimits: option.bool(
    false,
    "Hold projects to identity's limits image_size_total, image_stage_total, image_count_total and image_count_uploading",
  ),
  maxLocations: option.int(10, 'How many locations an image may have', { min: 1, unit: 'locations' }),
  hashAlgorithm: option.choice('sha512', ['sha256', 'sha512'], 'The secure hash of images, os_hash_algo'),
  showLocations: option.bool(false, "Show images' locations, and let their owners name places elsewhere"),
  showDirectUrl: option.bool(false, "Show images' first location as direct_url"),
  delayedDelete: option.duration('0s', 'How long the bytes of deleted images are kept'),
  importMethods: option.list(
    ['glance-direct', 'web-download', 'copy-image'],
    `Ways of import, of ${importMethods.join(', ')}; the last one takes images from other regions of the catalog`,
  ),
  remoteProperties: option.list(
    ['hw_', 'trait:', 'os_distro', 'os_secure_boot', 'os_type'],
    'How properties begin that an image from another region brings with it',
  ),
  downloadHosts: option.list(
    [],
    "Hosts from which images may be downloaded: 'images.example.org', '*.example.org', '*' for all; none: web-download is off",
  ),
  downloadPorts: option.list(['80', '443'], 'Ports that downloads may ask'),
  downloadReserved: option.list(
    [],
    'Prefixes of private, loopback or link-local addresses that downloads may ask all the same',
  ),
  convertTo: option.choice(
    'none',
    ['none', 'raw', 'qcow2', 'vmdk'],
    'The disk format into which imported images are converted',
  ),
  decompress: option.bool(false, 'Decompress imported images that are said to be compressed'),
  injectProperties: option.json<Record<string, string>>(
    {},
    'Properties that imported images are given, by name',
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      Object.values(value).every((each) => typeof each === 'string')
        ? undefined
        : 'must be an object of texts',
  ),
  injectIgnoreRoles: option.list(['admin'], 'Roles whose imports get no injected properties'),
  convertMemoryMib: option.int(4096, 'Memory that a conversion may address', { min: 256, unit: 'MiB' }),
  convertTimeout: option.duration('30m', 'How long a conversion may take', { min: '1s' }),
  taskKeep: option.duration('2d', 'How long tasks that have ended are shown', { min: '1m' }),
  cache: option.bool(false, 'Keep copies of images that are downloaded on this host'),
  cacheMaxGib: option.int(10, 'How much the cache may hold before the longest unused images go', {
    min: 1,
    unit: 'GiB',
  }),
  cacheInterval: option.duration('5s', 'How often queued images are fetched into the cache', { min: '1s' }),
})
export type ImageConfig = ConfigOf<typeof imageConfig>

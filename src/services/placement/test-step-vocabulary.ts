// Conformance: placement's versions, the errors of any call, resource classes and traits.
import { expect } from 'vitest'
import { dated, error, host, p, type Step, undefinedCode } from './test-step.ts'

export const vocabularySteps: Step[] = [
  [
    'the versions',
    '1.39',
    'GET /',
    undefined,
    {
      status: 200,
      headers: { ...dated, 'openstack-api-version': 'placement 1.39', vary: 'openstack-api-version' },
      body: {
        versions: [
          {
            id: 'v1.0',
            status: 'CURRENT',
            min_version: '1.0',
            max_version: '1.39',
            links: [{ rel: 'self', href: '' }],
          },
        ],
      },
    },
  ],
  [
    'no dates before 1.15',
    '1.14',
    'GET /',
    undefined,
    { status: 200, without: ['cache-control', 'last-modified'] },
  ],
  [
    'a version of old',
    '0.9',
    'GET /traits',
    undefined,
    {
      status: 406,
      body: {
        errors: [
          expect.objectContaining({
            min_version: '1.0',
            max_version: '1.39',
            detail: expect.stringContaining('Unacceptable version header: 0.9'),
          }),
        ],
      },
    },
  ],
  [
    'a version that is none',
    '1.x',
    'GET /traits',
    undefined,
    {
      status: 400,
      body: {
        errors: [expect.objectContaining({ detail: expect.stringContaining('invalid version string: 1.x') })],
      },
    },
  ],
  [
    'a wrong method',
    '1.39',
    'POST /traits',
    {},
    {
      ...error(405, undefinedCode, 'The method POST is not allowed for this resource.'),
      headers: { allow: 'GET' },
    },
  ],
  [
    'an unknown path',
    '1.39',
    'GET /nowhere',
    undefined,
    error(404, undefinedCode, 'The resource could not be found.'),
  ],
  [
    'an error before codes',
    '1.22',
    `GET ${p}`,
    undefined,
    {
      status: 404,
      body: {
        errors: [
          {
            status: 404,
            title: 'Not Found',
            detail: `No resource provider with uuid ${host} found`,
            request_id: expect.stringMatching(/^req-/),
          },
        ],
      },
    },
  ],

  [
    'a class to be',
    '1.2',
    'POST /resource_classes',
    { name: 'CUSTOM_GOLD' },
    { status: 201, headers: { location: expect.stringMatching(/\/resource_classes\/CUSTOM_GOLD$/) } },
  ],
  [
    'a class once more',
    '1.39',
    'POST /resource_classes',
    { name: 'CUSTOM_GOLD' },
    error(409, undefinedCode, 'Conflicting resource class already exists'),
  ],
  [
    'a class that is standard',
    '1.39',
    'POST /resource_classes',
    { name: 'VCPU' },
    error(400, undefinedCode, 'does not match'),
  ],
  [
    'a class by name',
    '1.39',
    'GET /resource_classes/CUSTOM_GOLD',
    undefined,
    {
      status: 200,
      body: { name: 'CUSTOM_GOLD', links: [{ rel: 'self', href: '/resource_classes/CUSTOM_GOLD' }] },
    },
  ],
  [
    'a class with another name',
    '1.6',
    'PUT /resource_classes/CUSTOM_GOLD',
    { name: 'CUSTOM_SILVER' },
    {
      status: 200,
      body: { name: 'CUSTOM_SILVER', links: [{ rel: 'self', href: '/resource_classes/CUSTOM_SILVER' }] },
    },
  ],
  ['a class made sure of', '1.7', 'PUT /resource_classes/CUSTOM_GOLD', undefined, { status: 201 }],
  ['and again', '1.7', 'PUT /resource_classes/CUSTOM_GOLD', undefined, { status: 204 }],
  ['a class away', '1.39', 'DELETE /resource_classes/CUSTOM_SILVER', undefined, { status: 204 }],
  ['no class at 1.1', '1.1', 'GET /resource_classes', undefined, { status: 404 }],
  [
    'all classes',
    '1.39',
    'GET /resource_classes',
    undefined,
    {
      status: 200,
      headers: dated,
      body: {
        resource_classes: expect.arrayContaining([
          { name: 'VCPU', links: [{ rel: 'self', href: '/resource_classes/VCPU' }] },
        ]),
      },
    },
  ],

  [
    'a trait',
    '1.39',
    'PUT /traits/CUSTOM_RED',
    undefined,
    { status: 201, headers: { ...dated, location: expect.stringMatching(/\/traits\/CUSTOM_RED$/) } },
  ],
  ['a trait there', '1.39', 'GET /traits/CUSTOM_RED', undefined, { status: 204 }],
  [
    'traits by name',
    '1.39',
    'GET /traits?name=in:CUSTOM_RED,HW_NUMA_ROOT',
    undefined,
    { status: 200, body: { traits: expect.arrayContaining(['CUSTOM_RED', 'HW_NUMA_ROOT']) } },
  ],
  [
    'traits of nobody',
    '1.39',
    'GET /traits?name=startswith:CUSTOM&associated=true',
    undefined,
    { status: 200, body: { traits: [] } },
  ],
  [
    'a trait of ours',
    '1.39',
    'DELETE /traits/HW_NUMA_ROOT',
    undefined,
    error(400, undefinedCode, 'Cannot delete standard trait'),
  ],
]

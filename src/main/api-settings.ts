// What holds for the APIs of all services: section `api` of nimbo.yaml, and section `policy` for who may do what.
import { option } from '#kit/config/option.ts'
import { type ConfigOf, section } from '#kit/config/section.ts'

const rate = { min: 0, unit: 'requests per second' }
const burst = { min: 1, unit: 'requests' }

export const apiSection = section('api', {
  bodyLimit: option.int(
    1_048_576,
    'The largest JSON body that is taken; more is answered 413. Images and other uploads have limits of their own',
    { min: 1024, unit: 'bytes' },
  ),
  projectRate: option.int(0, 'Requests that a project may make of each service; 0 for any number', rate),
  projectBurst: option.int(100, 'How many of them at once', burst),
  addressRate: option.int(
    0,
    'Requests that may come to each service from one address, logins among them; 0 for any number',
    rate,
  ),
  addressBurst: option.int(100, 'How many of them at once', burst),
  trustedProxies: option.list(
    [],
    'Addresses of proxies before the APIs, whose X-Forwarded-For is believed; without it all clients behind one count as one',
  ),
  allowedOrigins: option.list(
    [],
    'Origins of web pages that may call the APIs from a browser (CORS), as https://cloud.example.com; * for any',
  ),
})

export const policySection = section('policy', {
  folder: option.text(
    '',
    "Where policy files are: SERVICE.yaml and SERVICE.d/*.yaml; empty for 'policy' in the data folder",
  ),
  reloadInterval: option.duration('2s', 'How often changed policy files are looked for', { min: '100ms' }),
  enforceScope: option.bool(true, 'Whether a rule refuses tokens of a scope that is not among its own'),
  enforceNewDefaults: option.bool(
    true,
    'Whether what the older default of a rule lets in is refused; off, anybody of a project may mostly do what its members may',
  ),
})
export type PolicyConfig = ConfigOf<typeof policySection>

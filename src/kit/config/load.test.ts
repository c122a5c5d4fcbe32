// What an operator sees of the configuration file: values, complaints with places and hints, dumps without secrets.
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { describeOptions } from './describe.ts'
import { dumpConfig, loadConfig } from './load.ts'
import { formatDuration, option } from './option.ts'
import { type ConfigOf, section, withDefaults } from './section.ts'

const identity = section('identity', {
  tokenExpiry: option.duration('1h', 'How long a token lives', { min: '1m', max: '30d' }),
  maxActiveKeys: option.int(3, 'Keys kept', { min: 2, max: 100, unit: 'keys' }),
  adminPassword: option.secret(undefined, 'Of the first user'),
})
const messageBus = section('messageBus', {
  transportUrl: option.text(undefined, 'RabbitMQ; the embedded broker where absent'),
  hosts: option.list(['a', 'b'], 'Brokers'),
  port: option.port(5672, 'AMQP'),
  tls: option.bool(false, 'Encrypt'),
  mode: option.choice('embedded', ['embedded', 'external'], 'Which broker'),
  limits: option.json<Record<string, number>>({}, 'Per queue', (value) =>
    typeof value === 'object' ? undefined : 'must be a map',
  ),
})
const sections = [identity, messageBus] as const

function complaint(yaml: string, env: Record<string, string> = {}): string[] {
  try {
    loadConfig(sections, { yaml, env, file: 'nimbo.yaml' })
  } catch (error) {
    return (error as Error).message.split('\n')
  }
  return []
}

describe('loadConfig', () => {
  it('gives each section its defaults where nothing is said', () => {
    const config = loadConfig(sections, {})
    const typed: ConfigOf<typeof identity> = config.identity
    expect(typed).toEqual({ tokenExpiry: 3_600_000, maxActiveKeys: 3, adminPassword: undefined })
    const mode: 'embedded' | 'external' = config.messageBus.mode
    expect(mode).toBe('embedded')
    expect(config.messageBus.hosts).toEqual(['a', 'b'])
  })

  it('reads the file, and the environment over it', () => {
    const yaml = [
      'identity: { token_expiry: 90m, max_active_keys: 5 }',
      'message_bus:',
      '  transport_url: amqp://one',
      '  hosts: [x]',
      '  tls: yes',
      '  limits: { a: 1 }',
    ].join('\n')
    const env = {
      NIMBO_IDENTITY__MAX_ACTIVE_KEYS: '7',
      NIMBO_MESSAGE_BUS__HOSTS: 'p, q',
      NIMBO_MESSAGE_BUS__PORT: '5673',
      NIMBO_MESSAGE_BUS__MODE: 'external',
      NIMBO_DATA: '/elsewhere',
      PATH: '/bin',
    }
    const config = loadConfig(sections, { yaml, env })
    expect(config.identity.tokenExpiry).toBe(5_400_000)
    expect(config.identity.maxActiveKeys).toBe(7)
    expect(config.messageBus).toMatchObject({
      transportUrl: 'amqp://one',
      hosts: ['p', 'q'],
      port: 5673,
      tls: true,
      mode: 'external',
      limits: { a: 1 },
    })
  })

  it('lists every problem with its place and the name that was meant', () => {
    const yaml = [
      'identity:',
      '  token_expirey: 1h',
      '  max_active_keys: 1',
      'mesage_bus: {}',
      'message_bus:',
      '  port: 70000',
      '  transport_url: 012',
      '  tls: maybe',
      '  mode: other',
      '  hosts: one',
      '  limits: 4',
    ].join('\n')
    expect(complaint(yaml, { NIMBO_IDENTITY__MAX_ACTIVE_KEY: '4' })).toEqual([
      'nimbo.yaml:2:3: unknown option identity.token_expirey; did you mean token_expiry?',
      'nimbo.yaml:3:3: identity.max_active_keys must be at least 2, not 1',
      'nimbo.yaml:4:1: unknown section mesage_bus; did you mean message_bus?',
      'nimbo.yaml:6:3: message_bus.port must be at most 65535, not 70000',
      'nimbo.yaml:7:3: message_bus.transport_url must be text: put quotation marks around 12',
      'nimbo.yaml:8:3: message_bus.tls must be true or false, not "maybe"',
      'nimbo.yaml:9:3: message_bus.mode must be one of embedded, external, not "other"',
      'nimbo.yaml:10:3: message_bus.hosts must be a list, not "one"',
      'nimbo.yaml:11:3: message_bus.limits must be a map',
      'environment variable NIMBO_IDENTITY__MAX_ACTIVE_KEY names no option; did you mean NIMBO_IDENTITY__MAX_ACTIVE_KEYS?',
    ])
  })

  it('refuses what is no map of sections, broken YAML, doubled keys and values left out', () => {
    expect(complaint('- a')).toEqual(['nimbo.yaml:1:1: must hold sections of options'])
    expect(complaint('identity: 5')).toEqual(['nimbo.yaml:1:1: identity must hold options'])
    expect(complaint('identity: {')[0]).toMatch(/^nimbo\.yaml:1:\d+: /)
    expect(complaint('identity: {}\nidentity: {}')[0]).toMatch(/^nimbo\.yaml:2:1: .*unique/)
    expect(complaint('identity:\n  token_expiry:')).toEqual([
      'nimbo.yaml:2:3: identity.token_expiry has no value',
    ])
    expect(complaint('identity:\n  admin_password:\nmessage_bus:')).toEqual([])
  })

  it('refuses what is no regular expression, before anything is held to it', () => {
    const rules = section('rules', { name: option.pattern(undefined, 'What names look like') })
    const load = (yaml: string) => loadConfig([rules], { yaml, file: 'nimbo.yaml' })
    expect(load("rules: { name: '^[a-z]+$' }").rules.name).toBe('^[a-z]+$')
    expect(load('').rules.name).toBe(undefined)
    expect(() => load("rules: { name: '[a-' }")).toThrow('must be a regular expression, not "[a-"')
  })

  it('refuses durations that are none or out of range', () => {
    expect(complaint('identity: { token_expiry: soon }')[0]).toContain('must be a duration such as')
    expect(complaint('identity: { token_expiry: -5 }')[0]).toContain('must be a duration such as')
    expect(complaint('identity: { token_expiry: 10 }')[0]).toContain('must be at least 1m, not 10')
    expect(complaint('identity: { token_expiry: 31d }')[0]).toContain('must be at most 30d')
  })

  it('never shows a secret: not in a dump, in JSON, on the console or in a complaint', () => {
    const config = loadConfig(sections, { yaml: 'identity: { admin_password: hunter2 }' })
    expect(config.identity.adminPassword).toBe('hunter2')
    const shown = [dumpConfig(sections, config), JSON.stringify(config), inspect(config, { depth: 9 })]
    for (const text of shown) {
      expect(text).not.toContain('hunter2')
      expect(text).toContain('***')
    }
    expect(complaint('identity: { admin_password: 12345 }').join()).not.toContain('12345')
  })
})

describe('withDefaults', () => {
  it('takes what is given in place of the defaults', () => {
    expect(withDefaults(identity, { maxActiveKeys: 9 }).maxActiveKeys).toBe(9)
    expect({ ...withDefaults(identity) }).toEqual({
      tokenExpiry: 3_600_000,
      maxActiveKeys: 3,
      adminPassword: undefined,
    })
  })
})

describe('describeOptions', () => {
  it('has a row per option with its default as one would write it', () => {
    const rows = describeOptions(sections)
    expect(rows).toHaveLength(9)
    expect(rows[0]).toEqual({
      section: 'identity',
      key: 'token_expiry',
      env: 'NIMBO_IDENTITY__TOKEN_EXPIRY',
      type: 'duration',
      default: '1h',
      unit: '',
      range: '1m to 30d',
      help: 'How long a token lives',
    })
    expect(rows.find((row) => row.key === 'hosts')?.default).toBe('["a","b"]')
  })

  it('writes durations in their largest whole unit', () => {
    expect([90_000, 86_400_000, 250, 0, 7_200_000].map(formatDuration)).toEqual([
      '90s',
      '1d',
      '250ms',
      '0ms',
      '2h',
    ])
  })
})

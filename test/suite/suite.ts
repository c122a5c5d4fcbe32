// Other people's client suites, as data: how each is started against a broker on its usual ports, and what it counted on
// RabbitMQ 3.10. Their code stays outside the repository: every suite is a folder that the caller names.

export type Count = { passed: number; failed: number; skipped: number }

export type Suite = {
  /** Where the suite comes from, and the version whose counts are recorded here. */
  source: string
  version: string
  /** Run in the suite's folder; `{report}` is a file for its results, `{scratch}` an empty folder. */
  command: readonly string[]
  /** `{rabbitmqctl}` is a program that takes rabbitmqctl's words for the broker under test. */
  environment?: Readonly<Record<string, string>>
  /** A folder of the suite over which certificates are laid that the broker knows. */
  certificates?: string
  results: 'junit' | 'go' | 'rspec'
  /** Counted on RabbitMQ 3.10 by this same runner. */
  reference: Count
  /** Why the reference isn't whole, and where RabbitMQ 4.x differs, whose behaviour is ours. */
  remark?: string
  /** Users and virtual hosts that it wants: requests to the management API, in order. */
  settings?: readonly Setting[]
}

export type Setting = { path: string; body: Readonly<Record<string, string>> }

const pytest = [
  '/usr/bin/python3',
  '-m',
  'pytest',
  '-q',
  '--junitxml={report}',
  '-p',
  'no:cacheprovider',
  '-p',
  'no:flaky',
]
const rabbitmqAt = { RABBITMQ_HOST: '127.0.0.1', RABBITMQ_5672_TCP: '5672', RABBITMQ_5671_TCP: '5671' }

/** With Debian's packages: the folder lies in a GOPATH, `GOPATH=MINE:/usr/share/gocode`. */
const goAt = { AMQP_URL: 'amqp://guest:guest@127.0.0.1:5672/', GO111MODULE: 'off' }

const everything = { configure: '.*', write: '.*', read: '.*' }
const bunnySettings: readonly Setting[] = [
  { path: 'vhosts/bunny_testbed', body: {} },
  { path: 'users/bunny_gem', body: { password: 'bunny_password', tags: '' } },
  { path: 'users/bunny_reader', body: { password: 'reader_password', tags: '' } },
  { path: 'permissions/bunny_testbed/guest', body: everything },
  { path: 'permissions/bunny_testbed/bunny_gem', body: everything },
  {
    path: 'permissions/bunny_testbed/bunny_reader',
    body: { configure: '^---$', write: '^---$', read: '.*' },
  },
]

export const suites = {
  amqplib: {
    source: 'github: amqp-node/amqplib',
    version: '2.0.1',
    // Its own limit of a second for each test is for a machine that does nothing else.
    command: [
      'node',
      '--test',
      '--test-timeout=10000',
      '--test-reporter=junit',
      '--test-reporter-destination={report}',
    ],
    results: 'junit',
    reference: { passed: 319, failed: 0, skipped: 0 },
  },
  'amqp-client.js': {
    source: 'github: cloudamqp/amqp-client.js',
    version: '4.1.0',
    command: ['node_modules/.bin/vitest', 'run', '--reporter=junit', '--outputFile={report}'],
    results: 'junit',
    reference: { passed: 248, failed: 0, skipped: 2 },
  },
  pika: {
    source: 'github: pika/pika, tests/acceptance',
    version: '1.4.0',
    command: [...pytest, '-n', '4', 'tests/acceptance'],
    results: 'junit',
    reference: { passed: 560, failed: 1, skipped: 40 },
    remark: 'the failure expects 4.x: an unknown exchange type closes the channel',
  },
  'py-amqp': {
    source: 'github: celery/py-amqp, t/integration',
    version: '5.3.1',
    command: [...pytest, '-E', 'rabbitmq', 't/integration'],
    environment: rabbitmqAt,
    certificates: 't/certs',
    results: 'junit',
    reference: { passed: 55, failed: 2, skipped: 0 },
    remark: 'the failures want the public internet',
  },
  kombu: {
    source: 'github: celery/kombu, t/integration',
    version: '5.6.2',
    command: [...pytest, '-E', 'py-amqp', 't/integration/test_py_amqp.py'],
    environment: rabbitmqAt,
    results: 'junit',
    reference: { passed: 41, failed: 0, skipped: 0 },
  },
  'amqp091-go-debian': {
    source: 'Debian: golang-github-rabbitmq-amqp091-go-dev',
    version: '1.5.0',
    command: ['go', 'test', '-v', '-count=1', '-tags', 'integration', '.'],
    environment: goAt,
    results: 'go',
    reference: { passed: 116, failed: 0, skipped: 0 },
  },
  'amqp091-go': {
    source: 'github: rabbitmq/amqp091-go',
    version: '1.14.0',
    command: ['go', 'test', '-v', '-count=1', '-tags', 'integration', '.'],
    environment: { ...goAt, RABBITMQ_RABBITMQCTL_PATH: '{rabbitmqctl}' },
    results: 'go',
    reference: { passed: 217, failed: 0, skipped: 0 },
  },
  bunny: {
    source: 'github: ruby-amqp/bunny',
    version: '2.19.0',
    command: [
      'rspec',
      '--format=progress',
      '--format=json',
      '--out={report}',
      '--exclude-pattern=spec/{stress/**/*,**/{toxiproxy,connection_recovery,synchronized_sorted_set}}_spec.rb',
    ],
    // Its Gemfile names gems for all that its authors do.
    environment: { BUNDLE_GEMFILE: `${import.meta.dirname}/bunny.gemfile` },
    certificates: 'spec/tls',
    results: 'rspec',
    reference: { passed: 417, failed: 2, skipped: 0 },
    remark:
      'without what needs toxiproxy; one failure lacks an HTTP client in Ruby, the other speaks to mocks alone',
    settings: bunnySettings,
  },
  'rabbitmq-c': {
    source: 'github: alanxz/rabbitmq-c, built with RUN_SYSTEM_TESTS in the folder "build"',
    version: '0.16.0',
    command: ['ctest', '--test-dir', 'build', '--output-junit', '{report}'],
    results: 'junit',
    reference: { passed: 9, failed: 0, skipped: 0 },
  },
} as const satisfies Record<string, Suite>

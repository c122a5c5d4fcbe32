// The options of the cloud as a whole: section `cloud` of nimbo.yaml. Each service has its own section beside it.
import { option } from '#kit/config/option.ts'
import { type ConfigOf, section } from '#kit/config/section.ts'
import { type HostKind, hostKindsProblem, mostHosts } from './host-kind.ts'

export const cloudSection = section('cloud', {
  dataPlane: option.choice(
    'real',
    ['real', 'sim'],
    'Real guests and networks (needs root), or simulated ones',
  ),
  hosts: option.int(1, 'Simulated hosts; a real cloud has one here and more by joining', {
    min: 1,
    max: mostHosts,
    unit: 'hosts',
  }),
  hostKinds: option.json<readonly HostKind[]>(
    [],
    'Kinds of simulated hosts, each with count and, as far as they differ from the usual, vcpus, memory_mb and disk_gb; ' +
      'what hosts says beyond them is of the usual kind',
    hostKindsProblem,
  ),
  guestSpeed: option.int(
    10,
    'How many times faster than a CirrOS of four seconds simulated guests boot, ask for leases and shut down',
    { min: 1, max: 1000 },
  ),
  hostThreadFrom: option.int(
    100,
    'From how many simulated hosts on they run in a thread of their own, which costs a small cloud time at its start and memory',
    { min: 1, unit: 'hosts' },
  ),
  processes: option.choice(
    'one',
    ['one', 'two'],
    'A simulated cloud: controller and hosts in one process, or in two as a real cloud has them',
  ),
  listen: option.text('127.0.0.1', 'Address on which the APIs listen; 0.0.0.0 means all'),
  publicHost: option.text('127.0.0.1', 'Name or address of this cloud in its catalog and credentials'),
  tls: option.bool(
    undefined,
    'HTTPS for the APIs; on by itself unless listen is a loopback address, and needed for other hosts to join',
  ),
  tlsNames: option.list([], "More names and addresses for the APIs' certificate, such as a load balancer's"),
  portBase: option.int(0, 'First of a row of ports; 0 means the usual ports of OpenStack', {
    min: 0,
    max: 65000,
  }),
  region: option.text('RegionOne', 'Name of the region'),
  publicCidr: option.text(
    '172.24.4.0/24',
    'Addresses of the first external network; its first address is the host',
  ),
  databaseUrl: option.secret(
    undefined,
    'Databases on a PostgreSQL or MariaDB instead of SQLite files: postgres://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME, or ' +
      'mysql://…; each service has one of its own, NAME_compute, or where {service} stands in the URL',
  ),
  databaseUrlFile: option.text(
    undefined,
    'A file that holds the database URL, for those who keep secrets apart',
  ),
  databaseUrls: {
    ...option.json<Readonly<Record<string, string>>>(
      {},
      'Databases of single services that are elsewhere, by name: compute, network, …, journal, audit',
      (value) =>
        typeof value === 'object' &&
        value !== null &&
        Object.values(value).every((url) => typeof url === 'string')
          ? undefined
          : 'must give a URL for each name',
    ),
    type: 'secret',
  },
  transportUrl: option.secret(
    undefined,
    'A RabbitMQ instead of the embedded broker: rabbit://USER:PASSWORD@HOST:PORT,HOST:PORT/VHOST',
  ),
  transportUrlFile: option.text(
    undefined,
    'A file that holds the transport URL, for those who keep secrets apart',
  ),
  transportManagementUrl: option.secret(
    undefined,
    'Its management API, where hosts get users of their own: http://USER:PASSWORD@HOST:15672,HOST:15672',
  ),
  transportAuthorityFile: option.text(
    undefined,
    "Who signs RabbitMQ's certificates, in PEM; by default those whom this machine trusts",
  ),
  durableQueueType: option.choice(
    'quorum',
    ['quorum', 'classic'],
    'How RabbitMQ keeps what must outlive a node; changed only when the old queues are deleted',
  ),
  busManagement: option.bool(
    true,
    "The embedded broker's management page and HTTP API, which 'nimbo mq' needs; RabbitMQ's rabbitmq_management",
  ),
  logLevel: option.choice('info', ['debug', 'info', 'warn', 'error'], 'Least level of the lines in the log'),
})

/** The name by which the networks' drivers know br-ex. */
export const publicPhysicalNetwork = 'physnet1'

export type CloudSettings = ConfigOf<typeof cloudSection>

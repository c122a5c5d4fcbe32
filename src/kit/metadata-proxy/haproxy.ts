// The configuration of the haproxy that stands in a network's or router's namespace and passes guests' metadata
// requests to the agent's unix socket. Headers by which the agent knows a guest are dropped first: a guest may not
// say who it is (row 212).

export type MetadataProxy = {
  /** Exactly one of the two. */
  networkId?: string
  routerId?: string
  port: number
  socketPath: string
}

const neverFromGuests = [
  'X-Forwarded-For',
  'X-Neutron-Network-ID',
  'X-Neutron-Router-ID',
  'X-Instance-ID',
  'X-Instance-ID-Signature',
  'X-Tenant-ID',
]

/** Times are Neutron's; the agent answers 504 within them. */
export function haproxyConfig(proxy: MetadataProxy): string {
  const [header, id] =
    proxy.networkId === undefined
      ? ['X-Neutron-Router-ID', proxy.routerId]
      : ['X-Neutron-Network-ID', proxy.networkId]
  return [
    'global',
    '    maxconn 1024',
    '    nbthread 1',
    'defaults',
    '    mode http',
    '    option http-server-close',
    '    option forwardfor',
    '    retries 3',
    '    timeout http-request 30s',
    '    timeout connect 30s',
    '    timeout client 32s',
    '    timeout server 32s',
    '    timeout http-keep-alive 30s',
    'listen listener',
    `    bind 0.0.0.0:${proxy.port}`,
    `    server metadata ${proxy.socketPath}`,
    ...neverFromGuests.map((name) => `    http-request del-header ${name}`),
    `    http-request add-header ${header} ${id}`,
    '',
  ].join('\n')
}

// What this service can, under the names by which clients ask for it: Horizon hides panels by them, Tempest skips tests.
// https://docs.openstack.org/api-ref/network/v2/#extensions
// An alias is here only where all of its attributes and calls are.

type Extension = readonly [alias: string, name: string, updated: string, description: string]

const table: readonly Extension[] = [
  ['agent', 'agent', '2013-02-03T10:00:00-00:00', 'Shows and switches the agents of the hosts.'],
  [
    'agent-resources-synced',
    "Agent's Resource View Synced to Placement",
    '2018-12-19T00:00:00-00:00',
    'Tells whether an agent has reported bandwidth to placement.',
  ],
  [
    'allowed-address-pairs',
    'Allowed Address Pairs',
    '2013-07-23T10:00:00-00:00',
    'Lets a port send from further addresses.',
  ],
  [
    'availability_zone',
    'Availability Zone',
    '2015-01-01T10:00:00-00:00',
    'Availability zones of networks and routers.',
  ],
  [
    'availability_zone_filter',
    'Availability Zone Filter Extension',
    '2018-06-22T10:00:00-00:00',
    'Filters availability zones by their attributes.',
  ],
  ['binding', 'Port Binding', '2014-02-03T10:00:00-00:00', 'Shows and sets the host that wires a port.'],
  [
    'dhcp_agent_scheduler',
    'DHCP Agent Scheduler',
    '2013-02-07T10:00:00-00:00',
    'Which DHCP agent serves which network.',
  ],
  ['dns-integration', 'DNS Integration', '2015-08-15T18:00:00-00:00', 'Host names of ports and networks.'],
  [
    'empty-string-filtering',
    'Empty String Filtering Extension',
    '2018-05-01T10:00:00-00:00',
    'An empty filter finds what is empty.',
  ],
  [
    'ext-gw-mode',
    'Neutron L3 Configurable external gateway mode',
    '2013-03-28T10:00:00-00:00',
    'Source NAT of a router may be switched off.',
  ],
  [
    'external-net',
    'Neutron external network',
    '2013-01-14T10:00:00-00:00',
    'Networks for gateways and floating IPs.',
  ],
  [
    'extra_dhcp_opt',
    'Neutron Extra DHCP options',
    '2013-03-17T12:00:00-00:00',
    'Further DHCP options of a port.',
  ],
  ['extraroute', 'Neutron Extra Route', '2013-02-01T10:00:00-00:00', 'Static routes of a router.'],
  [
    'extraroute-atomic',
    'Atomically add/remove extra routes',
    '2019-07-10T00:00:00+00:00',
    'Adds and removes routes of a router without touching the others.',
  ],
  [
    'filter-validation',
    'Filter parameters validation',
    '2018-07-04T10:00:00-00:00',
    'Filters that are not known are refused.',
  ],
  [
    'fip-port-details',
    'Floating IP Port Details Extension',
    '2018-04-09T10:00:00-00:00',
    'A floating IP shows the port that it leads to.',
  ],
  [
    'l3_agent_scheduler',
    'L3 Agent Scheduler',
    '2013-02-07T10:00:00-00:00',
    'Which L3 agent serves which router.',
  ],
  ['net-mtu', 'Network MTU', '2015-03-25T10:00:00-00:00', 'Shows how large the packets of a network may be.'],
  [
    'net-mtu-writable',
    'Network MTU (writable)',
    '2017-07-12T00:00:00-00:00',
    'Sets how large the packets of a network may be.',
  ],
  [
    'network-ip-availability',
    'Network IP Availability',
    '2015-09-24T00:00:00-00:00',
    'How many addresses of each network are taken.',
  ],
  [
    'network_availability_zone',
    'Network Availability Zone',
    '2015-01-01T10:00:00-00:00',
    'Availability zones of a network.',
  ],
  ['pagination', 'Pagination support', '2016-06-12T00:00:00-00:00', 'Lists come in pages.'],
  [
    'port-mac-address-regenerate',
    'Neutron Port MAC address regenerate',
    '2018-05-03T10:00:00-00:00',
    'A port gets a new MAC address where null is set.',
  ],
  ['port-security', 'Port Security', '2012-07-23T10:00:00-00:00', 'Filtering of a port may be switched off.'],
  [
    'port-security-groups-filtering',
    'Port filtering on security groups',
    '2018-01-09T09:00:00-00:00',
    'Finds ports by their security groups.',
  ],
  [
    'project-id',
    'project_id field enabled',
    '2016-09-09T09:09:09-09:09',
    'The owner is shown as project_id, too.',
  ],
  [
    'provider',
    'Provider Network',
    '2012-09-07T10:00:00-00:00',
    'Shows and sets the wire that a network runs on.',
  ],
  [
    'quota-check-limit',
    'Quota engine limit check',
    '2021-09-08T16:00:00-00:00',
    'A quota may be held above what is in use.',
  ],
  [
    'quota_details',
    'Quota details management support',
    '2017-02-10T10:00:00-00:00',
    'Quotas with their usage.',
  ],
  ['quotas', 'Quota management support', '2012-07-29T10:00:00-00:00', 'Limits of each project.'],
  [
    'revision-if-match',
    'If-Match constraints based on revision_number',
    '2016-12-11T00:00:00-00:00',
    'Changes only the revision that the client has seen.',
  ],
  ['router', 'Neutron L3 Router', '2012-07-20T10:00:00-00:00', 'Routers between networks, and floating IPs.'],
  [
    'router_availability_zone',
    'Router Availability Zone',
    '2015-01-01T10:00:00-00:00',
    'Availability zones of a router.',
  ],
  ['security-group', 'security-group', '2012-10-05T10:00:00-00:00', 'Rules of what ports may send and get.'],
  [
    'service-type',
    'Neutron Service Type Management',
    '2013-01-20T00:00:00-00:00',
    'Lists what provides routers.',
  ],
  [
    'sort-key-validation',
    'Sort keys validation',
    '2018-07-04T10:00:00-00:00',
    'Sort keys that are not known are refused.',
  ],
  ['sorting', 'Sorting support', '2016-06-12T00:00:00-00:00', 'Lists come in the order that is asked for.'],
  [
    'standard-attr-description',
    'standard-attr-description',
    '2016-02-10T10:00:00-00:00',
    'A description of each resource.',
  ],
  [
    'standard-attr-revisions',
    'Resource revision numbers',
    '2016-04-11T10:00:00-00:00',
    'A number that each change of a resource raises.',
  ],
  [
    'standard-attr-tag',
    'Tag support for resources with standard attribute',
    '2017-01-01T00:00:00-00:00',
    'Tags of each resource.',
  ],
  [
    'standard-attr-timestamp',
    'Resource timestamps',
    '2016-09-12T10:00:00-00:00',
    'When a resource was made and changed.',
  ],
  [
    'stateful-security-group',
    'Stateful security group',
    '2019-11-26T09:00:00-00:00',
    'Says whether the rules of a group follow connections.',
  ],
  [
    'subnet-service-types',
    'Subnet service types',
    '2016-03-15T18:00:00-00:00',
    'Keeps a subnet for ports of some kinds of device.',
  ],
]

export const extensionViews = table.map(([alias, name, updated, description]) => ({
  alias,
  name,
  updated,
  description,
  links: [],
}))

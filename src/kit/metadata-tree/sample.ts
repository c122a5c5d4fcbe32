// A guest for tests of whatever tells metadata.
import type { InstanceFacts } from './facts.ts'

export const sampleFacts: InstanceFacts = {
  id: 'daf32a70-42c9-4d30-8ec5-3a5d97582cff',
  number: 3,
  name: 'vm1',
  hostname: 'vm1',
  projectId: 'f8f4b9a3c1d24f0a9e0e4a5f9c1b2d3e',
  availabilityZone: 'nova',
  launchIndex: 0,
  reservationId: 'r-0v8hc3ak',
  flavorName: 'm1.tiny',
  imageId: '5f0f3f8c-8a74-4e9b-9e0c-0c6a4b1d2e3f',
  keys: [{ name: 'mykey', type: 'ssh', publicKey: 'ssh-rsa AAAAB3Nza me@here' }],
  metadata: {},
  userData: null,
  files: [],
  password: '',
  securityGroups: ['default'],
  rootDevice: '/dev/vda',
  disks: [],
  nics: [
    {
      portId: '28468932-9ea0-43d0-b699-ba19bf65cae3',
      networkId: 'a51635b1-d023-419a-93b5-39de47755d2d',
      mac: 'fa:16:3e:1b:5c:9d',
      mtu: 1450,
      type: 'ovs',
      tag: null,
      addresses: [
        {
          version: 4,
          address: '10.0.0.70',
          prefix: 26,
          dhcp: true,
          ipv6AddressMode: null,
          gateway: '10.0.0.126',
          dns: [],
          routes: [],
        },
      ],
    },
  ],
  floatingIps: [],
}

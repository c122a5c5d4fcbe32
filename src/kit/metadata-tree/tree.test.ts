import { expect, test } from 'vitest'
import type { InstanceFacts } from './facts.ts'
import { sampleFacts } from './sample.ts'
import { configDriveFiles, isPasswordPath, metadataItem } from './tree.ts'

const options = { domain: 'novalocal', random: (count: number) => Buffer.alloc(count, 7) }
const get = (path: string, change: Partial<InstanceFacts> = {}) => {
  const item = metadataItem({ ...sampleFacts, ...change }, path, options)
  return item && String(item.content)
}
const json = (path: string, change: Partial<InstanceFacts> = {}) => JSON.parse(get(path, change)!)

test('meta_data.json says who the guest is (row 195)', () => {
  expect(json('/openstack/latest/meta_data.json')).toMatchObject({
    uuid: 'daf32a70-42c9-4d30-8ec5-3a5d97582cff',
    availability_zone: 'nova',
    hostname: 'vm1.novalocal',
    launch_index: 0,
    devices: [],
    project_id: 'f8f4b9a3c1d24f0a9e0e4a5f9c1b2d3e',
    name: 'vm1',
    public_keys: { mykey: 'ssh-rsa AAAAB3Nza me@here' },
    keys: [{ name: 'mykey', type: 'ssh', data: 'ssh-rsa AAAAB3Nza me@here' }],
  })
  expect(Buffer.from(json('/openstack/latest/meta_data.json').random_seed, 'base64')).toHaveLength(512)
})

test('each version has what its date promised and no more', () => {
  const keys = (version: string) => Object.keys(json(`/openstack/${version}/meta_data.json`))
  expect(keys('2012-08-10')).not.toContain('random_seed')
  expect(keys('2013-10-17')).not.toContain('project_id')
  expect(keys('2015-10-15')).toContain('project_id')
  expect(keys('2015-10-15')).not.toContain('devices')
  expect(keys('2020-10-14')).toContain('dedicated_cpus')
  expect(get('/openstack/2012-08-10')).toBe('meta_data.json')
  expect(get('/openstack/2012-08-10/network_data.json')).toBeUndefined()
  expect(get('/openstack/2011-01-01')).toBeUndefined()
})

test('the listings keep their order (row 196)', () => {
  const latest = 'meta_data.json\npassword\nvendor_data.json\nnetwork_data.json\nvendor_data2.json'
  expect(get('/openstack/latest/')).toBe(latest)
  expect(get('/openstack/latest', { userData: 'aGk=' })!.split('\n')[1]).toBe('user_data')
  expect(get('/openstack')!.split('\n')).toEqual([
    '2012-08-10',
    '2013-04-04',
    '2013-10-17',
    '2015-10-15',
    '2016-06-30',
    '2016-10-06',
    '2017-02-22',
    '2018-08-27',
    '2020-10-14',
    'latest',
  ])
})

test('network_data.json of a guest with DHCP (row 197)', () => {
  expect(json('/openstack/latest/network_data.json')).toEqual({
    links: [
      {
        ethernet_mac_address: 'fa:16:3e:1b:5c:9d',
        id: 'tap28468932-9e',
        mtu: 1450,
        type: 'ovs',
        vif_id: '28468932-9ea0-43d0-b699-ba19bf65cae3',
      },
    ],
    networks: [
      {
        id: 'network0',
        link: 'tap28468932-9e',
        network_id: 'a51635b1-d023-419a-93b5-39de47755d2d',
        type: 'ipv4_dhcp',
      },
    ],
    services: [],
  })
})

test('without DHCP network_data.json holds all that the guest must set itself', () => {
  const [nic] = sampleFacts.nics
  const still = {
    ...nic!,
    addresses: [
      {
        ...nic!.addresses[0]!,
        dhcp: false,
        dns: ['9.9.9.9'],
        routes: [{ destination: '172.16.0.0/12', nexthop: '10.0.0.65' }],
      },
      {
        version: 6 as const,
        address: 'fd00::5',
        prefix: 64,
        dhcp: false,
        ipv6AddressMode: null,
        gateway: 'fd00::1',
        dns: [],
        routes: [],
      },
    ],
  }
  const { networks, services } = json('/openstack/latest/network_data.json', { nics: [still] })
  expect(networks[0]).toMatchObject({
    type: 'ipv4',
    ip_address: '10.0.0.70',
    netmask: '255.255.255.192',
    routes: [
      { network: '0.0.0.0', netmask: '0.0.0.0', gateway: '10.0.0.126' },
      { network: '172.16.0.0', netmask: '255.240.0.0', gateway: '10.0.0.65' },
    ],
    services: [{ type: 'dns', address: '9.9.9.9' }],
  })
  expect(networks[1]).toMatchObject({
    id: 'network1',
    type: 'ipv6',
    netmask: 'ffff:ffff:ffff:ffff::',
    routes: [{ network: '::', netmask: '::', gateway: 'fd00::1' }],
  })
  expect(services).toEqual([{ type: 'dns', address: '9.9.9.9' }])
})

test("EC2's tree lists its fifteen entries (row 198)", () => {
  expect(get('/2009-04-04/meta-data/')!.split('\n')).toEqual([
    'ami-id',
    'ami-launch-index',
    'ami-manifest-path',
    'block-device-mapping/',
    'hostname',
    'instance-action',
    'instance-id',
    'instance-type',
    'local-hostname',
    'local-ipv4',
    'placement/',
    'public-hostname',
    'public-ipv4',
    'public-keys/',
    'reservation-id',
  ])
  expect(get('/')).toMatch(/^1\.0\n2007-01-19\n(.*\n)+2009-04-04\nlatest$/)
  expect(get('/latest')).toBe('meta-data/')
})

test("EC2's values, by the paths that cirros asks (row 199)", () => {
  expect(get('/2009-04-04/instance-id')).toBe('i-00000003')
  expect(get('/2009-04-04/meta-data/instance-id')).toBe('i-00000003')
  expect(get('/2009-04-04/meta-data/hostname')).toBe('vm1.novalocal')
  expect(get('/2009-04-04/meta-data/public-keys/')).toBe('0=mykey')
  expect(get('/2009-04-04/meta-data/public-keys/0/')).toBe('openssh-key')
  expect(get('/2009-04-04/meta-data/public-keys/0/openssh-key')).toBe('ssh-rsa AAAAB3Nza me@here')
  expect(get('/latest/meta-data/placement/availability-zone')).toBe('nova')
  expect(get('/latest/meta-data/block-device-mapping/')).toBe('ami\nroot')
  expect(get('/latest/meta-data/local-ipv4')).toBe('10.0.0.70')
  expect(get('/latest/meta-data/security-groups')).toBe('default')
  expect(get('/1.0/meta-data/')).not.toContain('placement')
  expect(get('/latest/user-data')).toBeUndefined()
  expect(get('/latest/meta-data/constructor')).toBeUndefined()
  expect(get('/latest/meta-data', { keys: [] })).not.toContain('public-keys')
})

test('user data comes as the bytes that were given', () => {
  const bytes = Buffer.from([0x1f, 0x8b, 0, 255])
  const facts = { ...sampleFacts, userData: bytes.toString('base64') }
  expect(metadataItem(facts, '/openstack/latest/user_data', options)!.content).toEqual(bytes)
  expect(metadataItem(facts, '/latest/user-data', options)!.content).toEqual(bytes)
})

test('a config drive holds the same tree, without the password', () => {
  const files = configDriveFiles(
    { ...sampleFacts, password: 'secret', files: [{ path: '/etc/motd', contents: 'aGk=' }] },
    options,
  )
  expect(Object.keys(files)).toContain('openstack/latest/meta_data.json')
  expect(Object.keys(files)).toContain('openstack/2018-08-27/network_data.json')
  expect(Object.keys(files)).toContain('ec2/latest/meta-data.json')
  expect(Object.keys(files).filter((path) => path.endsWith('password'))).toEqual([])
  expect(JSON.parse(String(files['openstack/latest/meta_data.json'])).files).toEqual([
    { path: '/etc/motd', content_path: '/content/0000' },
  ])
  expect(String(files['openstack/content/0000'])).toBe('hi')
  expect(JSON.parse(String(files['ec2/latest/meta-data.json']))['public-keys']['0']['openssh-key']).toMatch(
    'ssh-rsa',
  )
})

test('only the password may be written', () => {
  expect(isPasswordPath('/openstack/latest/password')).toBe(true)
  expect(isPasswordPath('/openstack/2013-04-04/password/')).toBe(true)
  expect(isPasswordPath('/openstack/2012-08-10/password')).toBe(false)
  expect(isPasswordPath('/openstack/latest/meta_data.json')).toBe(false)
  expect(isPasswordPath('/latest/password')).toBe(false)
})

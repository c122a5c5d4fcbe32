// Every command of the stock glance client, and the openstack client's commands of images, against one cloud with several
// stores, a cache, locations and all ways of import.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import * as http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Session } from '#cli/openstack.ts'
import { type LiveCloud, prepareLiveCloud, succeeded, until } from './live-cloud.ts'

type Row = Record<string, string>

const content = Buffer.alloc(200_000, 'nimbo ')
const checksum = createHash('md5').update(content).digest('hex')
const web = http.createServer((_, response) => void response.end(content))
const named = (digit: number) => `${String(digit).repeat(8)}-0000-4000-8000-000000000000`
const [staged, fetched, direct, far, empty] = [1, 2, 3, 4, 5].map(named)
const plain = '--disk-format raw --container-format bare'

describe('the stock glance client', () => {
  let cloud: LiveCloud
  let session: Session
  let file: string
  let url: string
  beforeAll(async () => {
    await new Promise<void>((done) => web.listen(0, '127.0.0.1', done))
    const { port } = web.address() as AddressInfo
    url = `http://127.0.0.1:${port}/image`
    cloud = await prepareLiveCloud('glance-cli', 'sim')
    mkdirSync(cloud.root)
    const image = {
      stores: [
        { id: 'fast', kind: 'file', weight: 10, default: true },
        { id: 'cheap', kind: 'file' },
      ],
      import_methods: ['glance-direct', 'web-download', 'copy-image', 'glance-download'],
      download_hosts: ['127.0.0.1'],
      download_ports: [String(port)],
      download_reserved: ['127.0.0.1/32'],
      show_locations: true,
      cache: true,
      cache_interval: '1s',
    }
    writeFileSync(`${cloud.root}/nimbo.yaml`, JSON.stringify({ image }))
    file = `${cloud.folder}/image`
    writeFileSync(file, content)
    succeeded(await cloud.up('--hosts', '1', '--empty'))
    session = await cloud.session('admin')
  }, 120_000)
  afterAll(async () => {
    web.close()
    await cloud?.destroy()
  }, 60_000)

  /** All of them succeed; what each printed. */
  const glance = async (...lines: string[]) =>
    (await cloud.glance('admin', lines)).map((said) => succeeded(said).stdout)
  const refused = async (line: string) => {
    const [said] = await cloud.glance('admin', [line])
    expect(said!.code, said!.line).not.toBe(0)
    return said!.stderr
  }
  const show = (id: string) => session.call<Row>('image', { path: `/v2/images/${id}` })
  const active = (id: string) =>
    until(`image ${id} is active`, async () => (await show(id)).status === 'active')

  test('stores, models, and images with their bytes', async () => {
    const [stores, detail, ways, , model] = await glance(
      ...['stores-info', 'stores-info --detail', 'import-info', 'usage', 'explain image', 'explain member'],
      ...['explain task', 'explain metadefs/namespace', 'help image-create', 'bash-completion'],
    )
    expect(stores).toContain('"id": "cheap"')
    expect(detail).toContain('"datadir"')
    expect(ways).toContain('copy-image')
    expect(model).toContain('os_hash_value')
    const shared = '--visibility shared --hidden False --protected False --min-disk 1 --min-ram 64'
    await glance(
      `image-create --name plain ${plain} --file ${file} --progress --property a=b --tags one two --store cheap ${shared}`,
      `image-create --name empty --id ${empty} ${plain}`,
      `image-upload --file ${file} --size ${content.length} --progress --store fast ${empty}`,
      `image-download --file ${file}.back --progress ${empty}`,
      `image-deactivate ${empty}`,
      `image-reactivate ${empty}`,
      `image-update --name full --property c=d --os-distro debian --hidden True ${empty}`,
      `image-update --remove-property c --hidden False ${empty}`,
    )
    expect(readFileSync(`${file}.back`).equals(content)).toBe(true)
    expect(await show(empty!)).toMatchObject({
      checksum,
      status: 'active',
      name: 'full',
      os_distro: 'debian',
    })
    const [sorted, found, none] = await glance(
      'image-list --limit 1 --page-size 1 --sort name:desc,size:asc --include-stores',
      '--verbose image-list --visibility shared --property-filter a=b --tag one --sort-key name --sort-dir asc',
      'image-list --hidden True --member-status all --owner nobody',
    )
    expect(sorted).toMatch(/plain +\| cheap/)
    expect(sorted).not.toContain('full')
    expect(found).toContain('plain')
    expect(none).not.toMatch(/plain|full/)
    expect(await refused(`image-upload --file ${file} ${empty}`)).toContain('HTTP 409')
    expect(await refused('image-show nothing')).toContain('HTTP 404')
  })

  test('imports by each method, their tasks and their stores', async () => {
    await glance(
      `image-create --name staged --id ${staged} ${plain}`,
      `image-stage --file ${file} --size ${content.length} --progress ${staged}`,
      `image-import --import-method glance-direct --stores fast,cheap ${staged}`,
      `image-create-via-import --import-method web-download --uri ${url} --name web --id ${fetched} ${plain} --all-stores True --allow-failure False`,
      `image-create-via-import --file ${file} --progress --name direct --id ${direct} ${plain} --store fast`,
      `task-create --type import --input '{"import_from": "${url}", "import_from_format": "raw", "image_properties": {"name": "by-task"}}'`,
    )
    for (const id of [staged, fetched, direct]) await active(id!)
    const [, tasks] = await glance(
      `image-import --import-method copy-image --stores cheap ${direct}`,
      `image-tasks ${staged}`,
      'task-list --sort-key status --sort-dir desc --page-size 2 --type import',
    )
    expect(tasks).toContain('success')
    await until('the copy is there', async () => (await show(direct!)).stores === 'cheap,fast')
    const { tasks: all } = await session.call<{ tasks: Row[] }>('image', { path: '/v2/tasks' })
    await glance(`task-show ${all[0]!.id}`, `stores-delete --store cheap ${direct}`)
    expect(await show(direct!)).toMatchObject({ stores: 'fast', checksum })
    expect(await refused(`stores-delete --store fast ${direct}`)).toContain('HTTP 403')
    const elsewhere = `--import-method web-download --uri http://169.254.169.254/ --name never ${plain}`
    expect(await refused(`image-create-via-import ${elsewhere}`)).toMatch(/HTTP 400.*may not be asked/)
  })

  // The glance client of Debian 12 reads its own options for this under other names than it gives them, so that none is
  // ever sent; others' requests are right.
  test('an import from another region of the catalog', async () => {
    const elsewhere = session.endpoint('image').replace('127.0.0.1', 'localhost')
    await cloud.script('admin', [
      'region create Far',
      `endpoint create --region Far image public ${elsewhere}`,
    ])
    await glance(`image-create --name far --id ${far} --disk-format qcow2 --container-format bare`)
    const method = { name: 'glance-download', glance_region: 'far', glance_image_id: staged }
    await session.call('image', { method: 'POST', path: `/v2/images/${far}/import`, body: { method } })
    await active(far!)
    expect(await show(far!)).toMatchObject({ disk_format: 'raw', checksum })
  })

  test('tags, members, locations and the cache', async () => {
    const [, , , , shared] = await glance(
      `image-tag-update ${staged} blue`,
      `image-tag-delete ${staged} blue`,
      `member-create ${staged} friends`,
      `member-get ${staged} friends`,
      `member-list --image-id ${staged}`,
      `member-update ${staged} friends accepted`,
      `member-delete ${staged} friends`,
      `location-add --url ${url} --metadata '{"a": "b"}' ${staged}`,
      `location-update --url ${url} --metadata '{"c": "d"}' ${staged}`,
      `location-delete --url ${url} ${staged}`,
      `cache-queue ${staged}`,
    )
    expect(shared).toMatch(/friends +\| pending/)
    await until('the image is cached', async () => /cached/.test((await glance('cache-list'))[0]!))
    const [, , , left] = await glance(
      ...[`cache-delete ${staged}`, `cache-queue ${fetched}`, 'cache-clear --target both', 'cache-list'],
    )
    expect(left).not.toContain(fetched)
  })

  test('metadata definitions', async () => {
    const whole = {
      namespace: 'Whole',
      visibility: 'public',
      resource_type_associations: [{ name: 'OS::Nova::Flavor' }],
      properties: { p: { title: 'P', type: 'string' } },
      objects: [{ name: 'o', properties: { q: { title: 'Q', type: 'integer' } } }],
      tags: [{ name: 't' }],
    }
    writeFileSync(`${cloud.folder}/whole.json`, JSON.stringify(whole))
    const head =
      '{"description": "d", "required": ["head"], "properties": {"head": {"title": "H", "type": "string"}}}'
    const [, , listed, shown] = await glance(
      'md-namespace-create --display-name Tools --visibility private Tools',
      `md-namespace-import --file ${cloud.folder}/whole.json`,
      'md-namespace-list --visibility public --resource-types OS::Nova::Flavor --page-size 3',
      'md-namespace-show --resource-type OS::Nova::Flavor Whole',
      'md-namespace-update --display-name Tooling --protected True Tools',
      'md-namespace-update --protected False Tools',
      'md-resource-type-list',
      'md-resource-type-associate --name OS::Glance::Image --prefix hw_ Tools',
      'md-namespace-resource-type-list Tools',
      'md-resource-type-deassociate Tools OS::Glance::Image',
      `md-property-create --name speed --title Speed --schema '{"type": "integer", "minimum": 1}' Tools`,
      'md-property-list Tools',
      'md-property-show Tools speed',
      `md-property-update --title Faster --schema '{"type": "integer"}' Tools speed`,
      'md-property-delete Tools speed',
      `md-object-create --name hammer --schema '${head}' Tools`,
      'md-object-list Tools',
      'md-object-show Tools hammer',
      'md-object-property-show Tools hammer head',
      'md-object-update --name mallet Tools hammer',
      'md-object-delete Tools mallet',
      'md-tag-create --name red Tools',
      `md-tag-create-multiple --names 'one|two' --delim '|' Tools`,
      'md-tag-list Tools',
      'md-tag-show Tools one',
      'md-tag-update --name eins Tools one',
      'md-tag-delete Tools two',
      'md-namespace-properties-delete Whole',
      'md-namespace-objects-delete Whole',
      'md-namespace-tags-delete Whole',
      'md-namespace-delete Tools',
      'md-namespace-delete Whole',
    )
    expect(listed).toContain('Whole')
    expect(shown).toContain('["p"]')
    expect(await refused('md-namespace-show Whole')).toContain('HTTP 404')
  })

  test('the same images by the openstack client, and all of them go', async () => {
    await cloud.script('admin', [
      'project create friends',
      `image create --disk-format raw --container-format bare --file ${file} --tag x --property k=v --min-disk 1 --min-ram 8 --shared mine`,
      `image create --disk-format raw --container-format bare --file ${file} --private --protected --import imported`,
      'image set --name ours --property l=w --tag y --architecture x86_64 --os-distro debian --deactivate mine',
      'image set --activate --min-ram 16 ours',
      'image unset --tag x --property k ours',
      'image add project ours friends',
      'image set --project friends --accept ours',
      'image member list ours',
      'image set --project friends --reject ours',
      'image set --project friends --pending ours',
      'image remove project ours friends',
      'image set --community ours',
      'image set --public ours',
      'image list --long --public --property l=w --tag y --sort name:asc --limit 5',
      'image list --name ours --status active --community',
      `image save --file ${file}.saved ours`,
      'image set --unprotected imported',
    ])
    expect(readFileSync(`${file}.saved`).equals(content)).toBe(true)
    const ours = await cloud.json<Row>('admin', 'image', 'show', 'ours')
    expect(ours).toMatchObject({ tags: ['y'], min_ram: 16, visibility: 'public', checksum })
    await glance(`image-delete ${staged} ${fetched}`)
    const left = await cloud.json<Row[]>('admin', 'image', 'list')
    expect(left.map((row) => row.Name)).not.toContain('staged')
    await cloud.script('admin', [`image delete ${left.map((row) => row.ID).join(' ')}`])
    expect(await cloud.json('admin', 'image', 'list')).toEqual([])
  })
})

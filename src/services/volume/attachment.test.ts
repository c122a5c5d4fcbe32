// Attachments through the API, and the older calls that keep the same rows: a volume's way to a server and back.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { projectId, strangerId, type TestVolume, testVolume } from './test-volume.ts'

let test: TestVolume
beforeEach(async () => {
  test = await testVolume()
})
afterEach(() => test.stop())

const service = () => test.as('service', '3.60')
const member = () => test.as('member', '3.60')
const base = `/v3/${projectId}`
const serverId = '11111111-2222-4333-8444-555555555555'
const connector = { host: 'node1', mountpoint: '/dev/vdb' }
const volume = async (id: string) => (await member()('GET', `${base}/volumes/${id}`)).body.volume

async function reserved(given: Record<string, unknown> = {}) {
  const { id } = await test.volume(given)
  const wish = { attachment: { volume_uuid: id, instance_uuid: serverId, connector: null } }
  const { body, status } = await service()('POST', `${base}/attachments`, wish)
  expect(status).toBe(200)
  return { volumeId: id, id: body.attachment.id as string, attachment: body.attachment }
}
async function attached() {
  const made = await reserved()
  await service()('PUT', `${base}/attachments/${made.id}`, { attachment: { connector } })
  await service()('POST', `${base}/attachments/${made.id}/action`, { 'os-complete': null })
  return made
}

describe('an attachment', () => {
  it('takes the volume from available over reserved and attaching to in-use, and back', async () => {
    const { volumeId, id, attachment } = await reserved()
    expect(attachment).toMatchObject({
      status: 'reserved',
      instance: serverId,
      volume_id: volumeId,
      connection_info: {},
      attach_mode: 'rw',
    })
    expect((await volume(volumeId)).status).toBe('reserved')

    const connected = await service()('PUT', `${base}/attachments/${id}`, { attachment: { connector } })
    expect(connected.body.attachment).toMatchObject({
      status: 'attaching',
      connection_info: {
        driver_volume_type: 'file',
        path: `/volumes/volume-${volumeId}`,
        format: 'raw',
        data: { path: `/volumes/volume-${volumeId}`, format: 'raw' },
      },
    })
    expect(await volume(volumeId)).toMatchObject({ status: 'attaching', attachments: [] })

    const completed = await service()('POST', `${base}/attachments/${id}/action`, { 'os-complete': {} })
    expect(completed.status).toBe(204)
    expect(await volume(volumeId)).toMatchObject({
      status: 'in-use',
      attachments: [
        { attachment_id: id, server_id: serverId, device: '/dev/vdb', id: volumeId, host_name: null },
      ],
    })

    const ended = await service()('DELETE', `${base}/attachments/${id}`)
    expect(ended).toMatchObject({ status: 200, body: { attachments: [] } })
    expect(await volume(volumeId)).toMatchObject({ status: 'available', attachments: [] })
    expect((await service()('GET', `${base}/attachments/${id}`)).status).toBe(404)
  })

  it('is for the host that it was connected with, and for no other that joined', async () => {
    const { volumeId, id } = await reserved()
    const connect = async (as: 'node1' | 'node2', host: string) =>
      (await test.as(as, '3.60')('PUT', `/v3/attachments/${id}`, { attachment: { connector: { host } } }))
        .status
    const complete = async (as: 'node1' | 'node2') =>
      (await test.as(as, '3.60')('POST', `/v3/attachments/${id}/action`, { 'os-complete': null })).status
    expect(await connect('node2', 'node1')).toBe(403)
    expect(await connect('node1', 'node1')).toBe(200)
    expect(await connect('node2', 'node2')).toBe(403)
    expect(await complete('node2')).toBe(403)
    expect((await volume(volumeId)).status).toBe('attaching')
    expect(await complete('node1')).toBe(204)
    expect(await connect('node2', 'node2')).toBe(403)
    expect(await complete('node2')).toBe(403)
    expect([await connect('node1', 'node1'), await complete('node1')]).toEqual([200, 204])
    const shown = await test.as('admin', '3.60')('GET', `/v3/${'a'.repeat(32)}/volumes/${volumeId}`)
    expect(shown.body.volume).toMatchObject({ status: 'in-use', attachments: [{ host_name: 'node1' }] })
  })

  it('can be connected and completed again without harm, as after a restart of the host', async () => {
    const { volumeId, id } = await attached()
    const again = await service()('PUT', `${base}/attachments/${id}`, { attachment: { connector } })
    expect(again.body.attachment.status).toBe('attached')
    expect(
      (await service()('POST', `${base}/attachments/${id}/action`, { 'os-complete': null })).status,
    ).toBe(204)
    expect((await volume(volumeId)).status).toBe('in-use')
  })

  it('is one per volume, unless the type allows several', async () => {
    const { volumeId } = await reserved()
    const second = { attachment: { volume_uuid: volumeId, instance_uuid: serverId } }
    expect(await service()('POST', `${base}/attachments`, second)).toMatchObject({ status: 400 })

    const specs = { multiattach: '<is> True' }
    const type = { volume_type: { name: 'shared', extra_specs: specs } }
    await test.as('admin')('POST', '/v3/types', type)
    const shared = await attachTwice(await test.volume({ volume_type: 'shared' }))
    expect(shared.status).toBe('in-use')
    expect(shared.attachments).toHaveLength(2)
    await service()('DELETE', `${base}/attachments/${shared.attachments[0].attachment_id}`)
    expect((await volume(shared.id)).status).toBe('in-use')
  })

  async function attachTwice({ id }: { id: string }) {
    for (let time = 0; time < 2; time++) {
      const attachment = { volume_uuid: id, instance_uuid: test.world.random.uuid(), connector }
      const made = (await service()('POST', `${base}/attachments`, { attachment })).body.attachment
      await service()('POST', `${base}/attachments/${made.id}/action`, { 'os-complete': null })
    }
    return volume(id)
  }

  it('is not made with a host that the volume can not reach, and the volume stays reserved', async () => {
    const { volumeId, id } = await reserved()
    const far = { attachment: { connector: { host: 'node9' } } }
    expect((await service()('PUT', `${base}/attachments/${id}`, far)).status).toBe(409)
    expect(
      (await service()('PUT', `${base}/attachments/${id}`, { attachment: { connector: {} } })).status,
    ).toBe(400)
    expect(
      (await service()('POST', `${base}/attachments/${id}/action`, { 'os-complete': null })).status,
    ).toBe(400)
    expect((await volume(volumeId)).status).toBe('reserved')
  })

  it('of a read-only volume lets the host only read', async () => {
    const { id } = await test.volume()
    await member()('POST', `${base}/volumes/${id}/action`, { 'os-update_readonly_flag': { readonly: true } })
    const attachment = { volume_uuid: id, instance_uuid: serverId, connector }
    const made = await service()('POST', `${base}/attachments`, { attachment })
    expect(made.body.attachment).toMatchObject({
      attach_mode: 'ro',
      connection_info: { access_mode: 'ro', data: { access_mode: 'ro' } },
    })
  })

  it('of a running server is ended by compute, not by the user', async () => {
    const { id, volumeId } = await attached()
    expect((await member()('DELETE', `${base}/attachments/${id}`)).status).toBe(409)
    expect((await volume(volumeId)).status).toBe('in-use')
    expect((await member()('DELETE', `${base}/volumes/${volumeId}`)).status).toBe(400)
    const { id: other } = await reserved()
    expect((await member()('DELETE', `${base}/attachments/${other}`)).status).toBe(200)
  })

  it('is listed by server and by volume, in brief and in full', async () => {
    const { id, volumeId } = await attached()
    await reserved()
    const list = async (query: string) =>
      (await service()('GET', `${base}/attachments${query}`)).body.attachments
    expect(await list(`?volume_id=${volumeId}`)).toEqual([
      { id, status: 'attached', instance: serverId, volume_id: volumeId },
    ])
    expect(await list(`/detail?instance_id=${serverId}&all_tenants=1`)).toHaveLength(2)
    expect(
      (await test.as('stranger', '3.60')('GET', `/v3/${strangerId}/attachments`)).body.attachments,
    ).toEqual([])
    expect((await test.as('stranger', '3.60')('GET', `/v3/${strangerId}/attachments/${id}`)).status).toBe(404)
  })

  it('does not exist before version 3.27, nor its end by a call of its own before 3.44', async () => {
    const { id } = await reserved()
    expect((await test.as('service', '3.26')('GET', `${base}/attachments/${id}`)).status).toBe(404)
    const complete = { 'os-complete': null }
    expect(
      (await test.as('service', '3.43')('POST', `${base}/attachments/${id}/action`, complete)).status,
    ).toBe(404)
  })

  it('has nothing wrong in its body', async () => {
    const wrong = [
      {},
      { attachment: {} },
      { attachment: { volume_uuid: 'x' } },
      { attachment: { volume_uuid: serverId, mode: 'no' } },
    ]
    for (const body of wrong) expect((await service()('POST', `${base}/attachments`, body)).status).toBe(400)
    const missing = { attachment: { volume_uuid: serverId, instance_uuid: serverId } }
    expect((await service()('POST', `${base}/attachments`, missing)).status).toBe(404)
  })
})

describe('the list of attachments', () => {
  it('refuses a page whose beginning is gone, and a limit that is no number', async () => {
    const { id } = await reserved()
    const list = async (query: string) => (await member()('GET', `${base}/attachments?${query}`)).status
    expect(await list(`marker=${id}&limit=1`)).toBe(200)
    expect(await list(`marker=${serverId}`)).toBe(404)
    expect(await list('limit=few')).toBe(400)
  })
})

describe('the older calls', () => {
  it('reserve, attach, begin to detach, and detach', async () => {
    const { id } = await test.volume()
    const act = async (body: unknown) => (await member()('POST', `${base}/volumes/${id}/action`, body)).status
    const status = async () => (await volume(id)).status
    expect(await act({ 'os-reserve': null })).toBe(202)
    expect(await act({ 'os-reserve': null })).toBe(400)
    expect(await status()).toBe('attaching')
    expect(await act({ 'os-unreserve': null })).toBe(202)
    expect(await status()).toBe('available')
    expect(await act({ 'os-attach': { instance_uuid: serverId, mountpoint: '/dev/vdc' } })).toBe(202)
    expect(await volume(id)).toMatchObject({ status: 'in-use', attachments: [{ device: '/dev/vdc' }] })
    expect(await act({ 'os-begin_detaching': null })).toBe(202)
    expect(await status()).toBe('detaching')
    expect(await act({ 'os-roll_detaching': null })).toBe(202)
    expect(await status()).toBe('in-use')
    expect(await act({ 'os-detach': { attachment_id: serverId } })).toBe(404)
    expect(await act({ 'os-detach': {} })).toBe(202)
    expect(await act({ 'os-detach': {} })).toBe(202)
    expect(await volume(id)).toMatchObject({ status: 'available', attachments: [] })
  })

  it('tell how a host reaches the volume', async () => {
    const { id } = await test.volume()
    const body = { 'os-initialize_connection': { connector: { host: 'node1' } } }
    const answer = await member()('POST', `${base}/volumes/${id}/action`, body)
    expect(answer.body.connection_info).toMatchObject({
      driver_volume_type: 'file',
      data: { path: `/volumes/volume-${id}`, access_mode: 'rw' },
    })
  })

  it('set a status by hand, for administrators', async () => {
    const { id } = await attached().then(({ volumeId }) => ({ id: volumeId }))
    const act = (body: unknown) => test.as('admin')('POST', `/v3/volumes/${id}/action`, body)
    expect((await act({ 'os-reset_status': { status: 'nonsense' } })).status).toBe(400)
    expect((await act({ 'os-reset_status': { status: 'error' } })).status).toBe(202)
    expect((await volume(id)).status).toBe('error')
    expect((await act({ 'os-force_delete': {} })).status).toBe(202)
    await test.world.settle()
    expect((await member()('GET', `${base}/volumes/${id}`)).status).toBe(404)
  })

  it('leave a volume that a server uses to compute, and are free to undo what they noted themselves', async () => {
    const used = await attached()
    const detach = (as: ReturnType<typeof member>) =>
      as('POST', `${base}/volumes/${used.volumeId}/action`, { 'os-detach': { attachment_id: used.id } })
    const refused = await detach(member())
    expect([refused.status, refused.body.conflictingRequest.message]).toEqual([
      409,
      expect.stringContaining('Compute API'),
    ])
    expect((await volume(used.volumeId)).status).toBe('in-use')
    expect((await detach(service())).status).toBe(202)
    expect((await volume(used.volumeId)).status).toBe('available')
  })

  it('give a volume to one server only, however many ask at once', async () => {
    const { id } = await test.volume()
    const attach = { 'os-attach': { instance_uuid: serverId, mountpoint: '/dev/vdc' } }
    const answers = await Promise.all(
      [1, 2, 3].map(() => member()('POST', `${base}/volumes/${id}/action`, attach)),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 400, 400])
    expect((await volume(id)).attachments).toHaveLength(1)
  })

  it("free a volume in error by force, and by an administrator's word that it is detached", async () => {
    const attach = { 'os-attach': { instance_uuid: serverId, mountpoint: '/dev/vdc' } }
    const act = (id: string, body: unknown) => test.as('admin')('POST', `/v3/volumes/${id}/action`, body)
    const { id } = await test.volume()
    await act(id, attach)
    await act(id, { 'os-reset_status': { status: 'error' } })
    expect((await act(id, { 'os-force_detach': { connector: null } })).status).toBe(202)
    expect(await volume(id)).toMatchObject({ status: 'available', attachments: [] })
    await act(id, attach)
    await act(id, { 'os-reset_status': { status: 'available', attach_status: 'detached' } })
    expect(await volume(id)).toMatchObject({ status: 'available', attachments: [] })
  })
})

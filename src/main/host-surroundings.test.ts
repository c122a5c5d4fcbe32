// Whether other hosts can join, by the cloud's settings; each refusal names the setting that would let them in.
import { describe, expect, it } from 'vitest'
import { parseTransportUrl } from '#kit/bus/transport.ts'
import { withDefaults } from '#kit/config/section.ts'
import type { ExternalBroker } from './bus-engine.ts'
import { dataFolder } from './data-folder.ts'
import { whyNotJoinable } from './host-surroundings.ts'
import { cloudSection } from './settings.ts'

const reached = { listen: '0.0.0.0', publicHost: '192.0.2.1' }
const why = (settings: object, external?: ExternalBroker) =>
  whyNotJoinable({ settings: withDefaults(cloudSection, settings), folder: dataFolder('/data') }, external)
const rabbitAt = (hosts: string, management = true): ExternalBroker => ({
  transport: parseTransportUrl(`rabbit://cloud:word@${hosts}/`),
  durableQueueType: 'quorum',
  ...(management && { management: { urls: ['http://192.0.2.9:15672'], user: 'admin', password: 'word' } }),
})

describe('other hosts', () => {
  it('can join a cloud that they reach over TLS, by its own broker or by one that they reach', () => {
    expect(why(reached)).toBeUndefined()
    expect(why(reached, rabbitAt('192.0.2.9:5672'))).toBeUndefined()
    expect(why(reached, rabbitAt('127.0.0.1:5672,192.0.2.9:5672'))).toBeUndefined()
  })

  it.each([
    ['cloud.listen', { publicHost: '192.0.2.1' }, undefined],
    ['cloud.tls', { ...reached, tls: false }, undefined],
    ['cloud.public_host', { listen: '0.0.0.0', publicHost: '127.0.0.1' }, undefined],
    ['cloud.transport_management_url', reached, rabbitAt('192.0.2.9:5672', false)],
    ['cloud.transport_url', reached, rabbitAt('127.0.0.1:5672,localhost:5673')],
  ])('cannot where %s is in their way', (setting, settings, external) => {
    const said = why(settings, external)
    expect(said).toContain(`${setting} `)
    expect(said).toContain('/data/nimbo.yaml')
    expect(said).not.toContain('word')
  })
})

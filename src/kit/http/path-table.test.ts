// Which route a path means, whatever stands in it.
import { describe, expect, it } from 'vitest'
import { pathTable } from './path-table.ts'

const table = pathTable<string>()
const entries = [
  ['GET', '/'],
  ['GET', '/servers'],
  ['GET', '/servers/detail'],
  ['GET', '/servers/:id'],
  ['POST', '/servers/:server_id'],
  ['POST', '/servers/:id/action'],
  ['GET', '/:project_id/servers'],
  ['GET', '/:project_id/servers/:id'],
  ['GET', '/files/:name'],
  ['GET', '/files/*'],
  ['PUT', '/*'],
] as const
for (const [method, path] of entries) table.add(method, path, `${method} ${path}`)
const found = (method: string, url: string) => {
  const at = table.find(method, url)
  return at && [at.value, at.params]
}

describe('a table of paths', () => {
  it('finds what is written out before what is a parameter, and that before a star', () => {
    expect(found('GET', '/servers/detail')).toEqual(['GET /servers/detail', {}])
    expect(found('GET', '/servers/x')).toEqual(['GET /servers/:id', { id: 'x' }])
    expect(found('GET', '/files/a')).toEqual(['GET /files/:name', { name: 'a' }])
    expect(found('GET', '/files/a/b')).toEqual(['GET /files/*', { '*': 'a/b' }])
  })

  it('goes back where what is written out leads nowhere, and where it lacks the method', () => {
    expect(found('GET', '/servers/servers/x')).toEqual([
      'GET /:project_id/servers/:id',
      { project_id: 'servers', id: 'x' },
    ])
    expect(found('POST', '/servers/detail')).toEqual(['POST /servers/:server_id', { server_id: 'detail' }])
    expect(found('PUT', '/servers/detail')).toEqual(['PUT /*', { '*': 'servers/detail' }])
    expect(found('DELETE', '/servers/detail')).toBeUndefined()
  })

  it('leaves out query, origin and one slash at the end, and nothing else', () => {
    expect(found('GET', '/servers?limit=/x')?.[0]).toBe('GET /servers')
    expect(found('GET', 'http://cloud.test:8774/servers/?x')?.[0]).toBe('GET /servers')
    expect(found('GET', 'http://cloud.test')?.[0]).toBe('GET /')
    expect(found('GET', '/servers/')?.[0]).toBe('GET /servers')
    expect(found('GET', '/servers//')).toEqual(['GET /servers/:id', { id: '' }])
    expect(found('GET', '/Servers')).toBeUndefined()
  })

  it('reads escapes within each part, so that a slash in a name parts nothing', () => {
    expect(found('GET', '/servers/a%2Fb%20%C3%BC%25')).toEqual(['GET /servers/:id', { id: 'a/b ü%' }])
    expect(found('GET', '/%73ervers')?.[0]).toBe('GET /servers')
    expect(found('GET', '/servers/%zz')).toBeUndefined()
  })

  it('takes no parameter that is longer than any name', () => {
    expect(found('GET', `/servers/${'x'.repeat(4096)}`)?.[0]).toBe('GET /servers/:id')
    expect(found('GET', `/servers/${'x'.repeat(4097)}`)).toBeUndefined()
  })
})

// Against the examples that Amazon's documents work through, with their published keys.
import { describe, expect, it } from 'vitest'
import { requestIsSigned, signedAt, textIsSigned } from './ec2-signature.ts'

const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'
const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

const second = {
  signature: 'i91nKc4PWAt0JJIdXwz9HxZCJDdiy6cf/Mj6vPxyYIs=',
  host: 'elasticmapreduce.amazonaws.com',
  verb: 'GET',
  path: '/',
  headers: {},
  bodyHash: '',
  params: {
    AWSAccessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    Action: 'DescribeJobFlows',
    SignatureMethod: 'HmacSHA256',
    SignatureVersion: '2',
    Timestamp: '2011-10-03T15:19:30',
    Version: '2009-03-31',
  },
}
const iamSecret = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'
const iamSignature = '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7'
const fourth = {
  signature: iamSignature,
  host: 'iam.amazonaws.com',
  verb: 'GET',
  path: '/',
  params: { Action: 'ListUsers', Version: '2010-05-08' },
  headers: {
    Authorization: `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=${iamSignature}`,
    'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8',
    Host: 'iam.amazonaws.com',
    'X-Amz-Date': '20150830T123600Z',
  },
  bodyHash: empty,
}

describe('a signed request', () => {
  it.each([
    ['2', second, secret],
    ['4', fourth, iamSecret],
  ])('of version %s fits its key, and nothing of it may be changed', (_, request, key) => {
    expect(requestIsSigned(request, key)).toBe(true)
    expect(requestIsSigned({ ...request, host: `${request.host}:8773` }, key)).toBe(true)
    expect(requestIsSigned(request, `${key}x`)).toBe(false)
    const changes = [
      { verb: 'PUT' },
      { path: '/x' },
      { host: 'elsewhere' },
      { params: { ...request.params, Action: 'DeleteUser' } },
      { signature: `${request.signature}x` },
      { signature: '' },
    ]
    for (const change of changes) expect(requestIsSigned({ ...request, ...change }, key)).toBe(false)
  })

  it('of a version that is too weak, or of none, never fits', () => {
    for (const SignatureVersion of ['0', '1', '3', ''])
      expect(requestIsSigned({ ...second, params: { ...second.params, SignatureVersion } }, secret)).toBe(
        false,
      )
    const { Authorization: _, ...headers } = fourth.headers
    expect(requestIsSigned({ ...fourth, headers }, iamSecret)).toBe(false)
    const scopes = ['AKIDEXAMPLE', 'AKIDEXAMPLE/20150831/us-east-1/iam/aws4_request']
    for (const scope of scopes) {
      const Authorization = fourth.headers.Authorization.replace(/Credential=[^,]*/, `Credential=${scope}`)
      expect(requestIsSigned({ ...fourth, headers: { ...fourth.headers, Authorization } }, iamSecret)).toBe(
        false,
      )
    }
  })

  it('says when it was signed', () => {
    expect(signedAt(second)).toBe(Date.UTC(2011, 9, 3, 15, 19, 30))
    expect(signedAt(fourth)).toBe(Date.UTC(2015, 7, 30, 12, 36))
    expect(signedAt({ params: { 'X-Amz-Date': '20150830T123600Z' }, headers: {} })).toBe(signedAt(fourth))
    expect(signedAt({ params: { Timestamp: 'yesterday' }, headers: {} })).toBeUndefined()
    expect(signedAt({ params: {}, headers: {} })).toBeUndefined()
  })
})

describe('a text that S3 has signed', () => {
  const old = Buffer.from('GET\n\n\nTue, 27 Mar 2007 19:36:42 +0000\n/johnsmith/photos/puppy.jpg')
  const lines = [
    'AWS4-HMAC-SHA256',
    '20130524T000000Z',
    '20130524/us-east-1/s3/aws4_request',
    '7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972',
  ]
  const mark = 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41'

  it('fits its key', () => {
    expect(textIsSigned(old, 'bWq2s1WEIj+Ydj0vQ697zp+IXMU=', secret)).toBe(true)
    expect(textIsSigned(Buffer.from(lines.join('\n')), mark, secret)).toBe(true)
  })

  it('fits no other, and no other service', () => {
    expect(textIsSigned(old, 'bWq2s1WEIj+Ydj0vQ697zp+IXMU=', 'other')).toBe(false)
    expect(textIsSigned(Buffer.concat([old, Buffer.from('x')]), 'bWq2s1WEIj+Ydj0vQ697zp+IXMU=', secret)).toBe(
      false,
    )
    for (const scope of ['20130524/us-east-1/ec2/aws4_request', '20130524/us-east-1/s3', 's3/aws4_request'])
      expect(textIsSigned(Buffer.from(lines.with(2, scope).join('\n')), mark, secret)).toBe(false)
    expect(textIsSigned(Buffer.from('AWS4'), mark, secret)).toBe(false)
  })
})

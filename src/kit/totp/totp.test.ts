// Against RFC 6238's own vectors (appendix B, the last six of their eight digits) and RFC 4648's.
import { describe, expect, it } from 'vitest'
import { endOfWindow, matchingWindow, passcode, readBase32, windowOf } from './totp.ts'

const secret = Buffer.from('12345678901234567890')

describe('a passcode', () => {
  it.each([
    [59, '287082'],
    [1111111109, '081804'],
    [1111111111, '050471'],
    [1234567890, '005924'],
    [2000000000, '279037'],
    [20000000000, '353130'],
  ])('at second %i is %s', (second, expected) => {
    expect(passcode(secret, windowOf(second * 1000))).toBe(expected)
  })

  it('is found in its own window and in as many before as are allowed', () => {
    const now = 1111111111_000
    const window = windowOf(now)
    expect(matchingWindow(secret, ' 050471\n', now, 0)).toBe(window)
    expect(matchingWindow(secret, '081804', now, 1)).toBe(window - 1)
    expect(matchingWindow(secret, '081804', now, 0)).toBeUndefined()
    for (const wrong of ['', '50471', '0504710', '050472', 'x'.repeat(6), '０５０４７１'])
      expect(matchingWindow(secret, wrong, now, 1)).toBeUndefined()
    const end = endOfWindow(window, 1)
    expect(matchingWindow(secret, '050471', end - 1, 1)).toBe(window)
    expect(matchingWindow(secret, '050471', end, 1)).toBeUndefined()
  })
})

describe('base32', () => {
  it.each([
    ['MY======', 'f'],
    ['MZXQ', 'fo'],
    ['mzxw6===', 'foo'],
    ['MZXW 6YQ=', 'foob'],
    ['MZXW-6YTB', 'fooba'],
    ['MZXW6YTBOI======', 'foobar'],
  ])('reads %s', (text, expected) => {
    expect(readBase32(text)?.toString()).toBe(expected)
  })

  it('refuses what is none', () => {
    for (const wrong of ['', '=', 'A', '0189', 'MZ=XQ', 'ä']) expect(readBase32(wrong)).toBeUndefined()
  })
})

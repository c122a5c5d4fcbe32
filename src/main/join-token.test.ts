import { describe, expect, it } from 'vitest'
import { fingerprintIn, readController } from './join-token.ts'

const fingerprint = 'l73CzcJ2FXS5ljSWwpbIwmqkHA_e8XDuwbya26H3sho'

describe('a join token', () => {
  it('tells which authority to trust', () => {
    expect(fingerprintIn(`nimbo1.e9ce1c285c.2eQd9bZDblE9hoiwMl5OfxOl.${fingerprint}`)).toBe(fingerprint)
  })

  it('is refused where it is cut or something else', () => {
    const wrong = [
      '',
      'nimbo1',
      `nimbo1.id.secret.${fingerprint.slice(1)}`,
      `nimbo2.id.secret.${fingerprint}`,
    ]
    for (const each of [...wrong, `nimbo1.id.${fingerprint}`, `nimbo1.id.secret.${fingerprint}.more`])
      expect(() => fingerprintIn(each), each).toThrow('no join token')
  })
})

describe('the name of a controller', () => {
  it('may have a port, and be an address of either kind', () => {
    const read = (text: string) => Object.values(readController(text, 8991))
    expect(read('cloud.example')).toEqual(['cloud.example', 8991])
    expect(read('192.0.2.1')).toEqual(['192.0.2.1', 8991])
    expect(read('192.0.2.1:27012')).toEqual(['192.0.2.1', 27012])
    expect(read('2001:db8::1')).toEqual(['2001:db8::1', 8991])
    expect(read('[2001:db8::1]')).toEqual(['2001:db8::1', 8991])
    expect(read('[2001:db8::1]:27012')).toEqual(['2001:db8::1', 27012])
  })

  it('is no URL', () => {
    for (const wrong of ['https://cloud.example', 'cloud.example:port', 'cloud.example:', ''])
      expect(() => readController(wrong, 8991), wrong).toThrow('is no name or address of a controller')
  })
})

/** Addresses as people type them. */
import { describe, expect, it } from 'vitest'
import { formatAddress, parseAddress, parseAddresses } from '../../../net/client/address.ts'

describe('an address', () => {
  it.each([
    ['localhost:9092', 'localhost', 9092],
    ['10.0.0.7:1', '10.0.0.7', 1],
    ['broker.example.org', 'broker.example.org', 9092],
    ['[::1]:65535', '::1', 65_535],
    ['[fe80::1]', 'fe80::1', 9092],
    ['PLAINTEXT://127.0.0.1:19092', '127.0.0.1', 19_092],
    ['  spaced:9093 ', 'spaced', 9093],
  ])('%s is read', (text, host, port) => {
    expect(parseAddress(text)).toEqual({ host, port })
  })

  it.each(['', ':9092', 'host:', 'host:abc', 'host:0', 'host:65536', '::1', 'a:1:2', '[::1'])(
    "'%s' is refused with a hint",
    (text) => {
      expect(() => parseAddress(text)).toThrow(/is not an address; write host:port/)
    },
  )

  it('comes in lists, with stray commas', () => {
    expect(parseAddresses('a:1, b:2,').map(formatAddress)).toEqual(['a:1', 'b:2'])
    expect(() => parseAddresses(',')).toThrow(RangeError)
    expect(() => parseAddresses('')).toThrow(RangeError)
    expect(() => parseAddresses('a:1,b:x')).toThrow(/'b:x'/)
  })

  it('is written so that it can be read again', () => {
    for (const text of ['a:1', '[::1]:9092']) expect(formatAddress(parseAddress(text))).toBe(text)
  })
})

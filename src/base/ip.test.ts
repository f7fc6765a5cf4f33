import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { isFairleadError } from './error.ts'
import {
  addressFamily,
  addressFromInteger,
  addressOffset,
  addressToInteger,
  canonicalAddress,
  cidrContains,
  cidrSize,
  cidrsOverlap,
  formatAddress,
  formatCidr,
  hostPort,
  maskAddress,
  nthAddress,
  parseAddress,
  parseCidr,
  requireAddress,
  requireCidr,
} from './ip.ts'

const ipv4Bytes = fc.uint8Array({ minLength: 4, maxLength: 4 })
// Many zeros, so that runs of them are common.
const ipv6Bytes = fc
  .array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), { minLength: 8, maxLength: 8 })
  .map((groups) => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff])))
const addressBytes = fc.oneof(ipv4Bytes, ipv6Bytes)

test('text and bytes are inverse', () => {
  fc.assert(
    fc.property(addressBytes, (bytes) => {
      assert.deepEqual(parseAddress(formatAddress(bytes)), Buffer.from(bytes))
      assert.equal(addressFamily(formatAddress(bytes)), bytes.length === 4 ? 4 : 6)
      assert.deepEqual(addressFromInteger(addressToInteger(bytes), bytes.length === 4 ? 4 : 6), Buffer.from(bytes))
    }),
  )
})

test('the text is that of RFC 5952, as ipaddr.js writes it', () => {
  fc.assert(
    fc.property(ipv6Bytes, (bytes) => {
      const other = ipaddr.fromByteArray([...bytes]) as ipaddr.IPv6
      if (!other.isIPv4MappedAddress()) assert.equal(formatAddress(bytes), other.toRFC5952String())
      assert.deepEqual(parseAddress(other.toNormalizedString()), Buffer.from(bytes))
      assert.deepEqual(parseAddress(other.toNormalizedString().toUpperCase()), Buffer.from(bytes))
    }),
  )
})

test('reads what is an address and nothing else', () => {
  assert.deepEqual(parseAddress('::ffff:192.0.2.1')?.subarray(10), Buffer.from([255, 255, 192, 0, 2, 1]))
  assert.equal(canonicalAddress('2001:DB8:0:0:1:0:0:1'), '2001:db8::1:0:0:1')
  assert.equal(canonicalAddress('64:ff9b::192.0.2.33'), '64:ff9b::c000:221')
  assert.equal(canonicalAddress('::ffff:c000:201'), '::ffff:192.0.2.1')
  for (const [text, canonical] of [
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['1:0:3:4:5:6:7:8', '1:0:3:4:5:6:7:8'],
    ['0.0.0.0', '0.0.0.0'],
  ] as const) {
    assert.equal(canonicalAddress(text), canonical)
  }
  const wrong =
    '|1.2.3|1.2.3.4.5|1.2.3.256|01.2.3.4|1.2.3.4 | 1.2.3.4|1..2.3|a.b.c.d|:|:::|1:2:3:4:5:6:7|1:2:3:4:5:6:7:8:9|1:2:3:4::5:6:7:8|' +
    '12345::|g::|fe80::1%eth0|1.2.3.4::|::1.2.3|1::2::3|:1::|1::2:|::1.2.3.4:5|1:2:3:4:5:6:7:1.2.3.4'
  for (const text of wrong.split('|')) assert.equal(parseAddress(text), undefined, text)
  assert.throws(
    () => requireAddress('x'),
    (error) => isFairleadError(error, 'INVALID_INPUT'),
  )
})

test('prefixes hold the addresses between the first and the last, counted', () => {
  fc.assert(
    fc.property(addressBytes, addressBytes, fc.nat(128), (bytes, other, length) => {
      const cidr = requireCidr(`${formatAddress(bytes)}/${Math.min(length, bytes.length * 8)}`)
      assert.deepEqual(cidr.network, maskAddress(bytes, cidr.prefixLength))
      assert.deepEqual(parseCidr(formatCidr(cidr))?.network, cidr.network)
      assert.ok(cidrContains(cidr, bytes))
      const first = addressToInteger(nthAddress(cidr, 0))
      const last = addressToInteger(nthAddress(cidr, -1))
      assert.equal(last - first + 1n, cidrSize(cidr))
      const inside =
        other.length === bytes.length && addressToInteger(other) >= first && addressToInteger(other) <= last
      assert.equal(cidrContains(cidr, other), inside)
      const offset = addressOffset(cidr, other)
      assert.equal(offset !== undefined, inside)
      if (offset !== undefined) assert.deepEqual(nthAddress(cidr, offset), Buffer.from(other))
      assert.equal(cidrsOverlap(cidr, requireCidr(`${formatAddress(other)}/${other.length * 8}`)), inside)
    }),
  )
})

test('reads prefixes strictly', () => {
  assert.equal(formatCidr(requireCidr('10.244.1.7/24')), '10.244.1.0/24')
  assert.deepEqual(requireCidr('10.244.1.7/24').address, Buffer.from([10, 244, 1, 7]))
  for (const text of ['10.0.0.0', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/08', '::/129', '::/-1', '/8', '10.0.0.0/8/8']) {
    assert.equal(parseCidr(text), undefined, text)
  }
  assert.throws(
    () => requireCidr('x/8'),
    (error) => isFairleadError(error, 'INVALID_INPUT'),
  )
  assert.throws(
    () => nthAddress(requireCidr('10.0.0.0/30'), 4),
    (error) => isFairleadError(error, 'INVALID_INPUT'),
  )
  assert.throws(
    () => nthAddress(requireCidr('10.0.0.0/30'), -5),
    (error) => isFairleadError(error, 'INVALID_INPUT'),
  )
})

test('a port stands after an address, which is in brackets when it has colons', () => {
  assert.equal(hostPort('10.96.0.10', 80), '10.96.0.10:80')
  assert.equal(hostPort('fd00::1', '80'), '[fd00::1]:80')
  assert.equal(hostPort('web.default.svc', 53), 'web.default.svc:53')
})

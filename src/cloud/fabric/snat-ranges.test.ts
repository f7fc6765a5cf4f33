import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cidrContains, formatAddress, requireCidr } from '../../base/ip.ts'
import { bytesOf, type SnatRange, snatSegments } from './snat-ranges.ts'

test('the longest range counts, and what is left around it goes on', () => {
  const ranges = [
    { cidr: '10.0.0.8/30', snatIp: 'b' },
    { cidr: '10.0.0.0/24', snatIp: 'a' },
    { cidr: '10.0.0.255/32', snatIp: 'c' },
  ]
  const words = snatSegments(ranges).map(
    ({ first, last, snatIp }) => `${formatAddress(bytesOf(first))}-${formatAddress(bytesOf(last))} ${snatIp}`,
  )
  assert.deepEqual(words, [
    '10.0.0.0-10.0.0.7 a',
    '10.0.0.8-10.0.0.11 b',
    '10.0.0.12-10.0.0.254 a',
    '10.0.0.255-10.0.0.255 c',
  ])
})

test('for any ranges, segments do not overlap and say what the longest prefix says', () => {
  const range = fc.record({ last: fc.nat(255), prefix: fc.integer({ min: 24, max: 32 }) })
  fc.assert(
    fc.property(
      fc.uniqueArray(range, { maxLength: 8, selector: ({ last, prefix }) => masked(last, prefix) }),
      (given) => {
        const ranges: SnatRange[] = given.map(({ last, prefix }, i) => ({
          cidr: masked(last, prefix),
          snatIp: String(i),
        }))
        const segments = snatSegments(ranges)
        for (const [i, segment] of segments.entries()) {
          assert.ok(segment.first <= segment.last)
          assert.ok((segments[i - 1]?.last ?? -1) < segment.first)
        }
        for (let n = 0; n < 256; n++) {
          const address = Buffer.of(10, 0, 0, n)
          const holding = ranges.filter(({ cidr }) => cidrContains(requireCidr(cidr), address))
          const longest = holding.sort((a, b) => requireCidr(b.cidr).prefixLength - requireCidr(a.cidr).prefixLength)[0]
          const at = address.readUInt32BE(0)
          assert.equal(segments.find(({ first, last }) => first <= at && at <= last)?.snatIp, longest?.snatIp)
        }
      },
    ),
  )
})

function masked(last: number, prefix: number): string {
  return `10.0.0.${last & (0xff << (32 - prefix))}/${prefix}`
}

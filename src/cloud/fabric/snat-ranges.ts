import { nthAddress, requireCidr } from '../../base/ip.ts'

/** A range of sources and the public address that they appear as. */
export interface SnatRange {
  readonly cidr: string
  readonly snatIp: string
}

/** First and last source, as numbers, and whose address. No two of a list overlap. */
export interface SnatSegment {
  readonly first: number
  readonly last: number
  readonly snatIp: string
}

/** Ranges without overlaps, for a set of the kernel: the longest prefix counts. Sorted. */
export function snatSegments(ranges: readonly SnatRange[]): SnatSegment[] {
  const parsed = ranges.map(({ cidr, snatIp }) => ({ cidr: requireCidr(cidr), snatIp }))
  let segments: SnatSegment[] = []
  for (const { cidr, snatIp } of parsed.sort((a, b) => a.cidr.prefixLength - b.cidr.prefixLength)) {
    const [first, last] = [numberOf(cidr.network), numberOf(nthAddress(cidr, -1))]
    segments = [...segments.flatMap((segment) => without(segment, first, last)), { first, last, snatIp }]
  }
  return segments.sort((a, b) => a.first - b.first)
}

function without(segment: SnatSegment, first: number, last: number): SnatSegment[] {
  if (segment.last < first || segment.first > last) return [segment]
  return [
    ...(segment.first < first ? [{ ...segment, last: first - 1 }] : []),
    ...(segment.last > last ? [{ ...segment, first: last + 1 }] : []),
  ]
}

function numberOf(address: Uint8Array): number {
  return Buffer.from(address).readUInt32BE(0)
}

/** The bytes of an address given as a number. */
export function bytesOf(address: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(address)
  return bytes
}

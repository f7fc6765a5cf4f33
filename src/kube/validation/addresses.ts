import { parseAddress } from '../../base/ip.ts'

interface SpecialRange {
  readonly problem: string
  holds(bytes: Uint8Array): boolean
}

const SPECIAL: readonly SpecialRange[] = [
  {
    problem: 'may not be in the loopback range (127.0.0.0/8, ::1/128)',
    holds: (bytes) => (bytes.length === 4 ? bytes[0] === 127 : isZero(bytes.subarray(0, 15)) && bytes[15] === 1),
  },
  {
    problem: 'may not be in the link-local range (169.254.0.0/16, fe80::/10)',
    holds: ([a = 0, b = 0, ...rest]) =>
      rest.length === 2 ? a === 169 && b === 254 : a === 0xfe && (b & 0xc0) === 0x80,
  },
  {
    problem: 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)',
    holds: ([a = 0, b = 0, c = 0, ...rest]) =>
      rest.length === 1 ? a === 224 && b === 0 && c === 0 : a === 0xff && (b & 0x0f) === 2,
  },
]

/** What forbids an address as one that others are to reach: unspecified, loopback, link-local (upstream `ValidateEndpointIP`). */
export function specialIpProblems(value: string): readonly string[] {
  const bytes = parseAddress(value)
  if (bytes === undefined) return ['must be a valid IP address']
  const unspecified = isZero(bytes) ? [`may not be unspecified (${value})`] : []
  return [...unspecified, ...SPECIAL.filter((range) => range.holds(bytes)).map(({ problem }) => problem)]
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0)
}

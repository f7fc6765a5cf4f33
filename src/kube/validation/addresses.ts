import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net'

/** What is wrong with an IP address, in upstream's words; nothing when all is well. */
export function ipProblems(value: unknown): readonly string[] {
  if (typeof value === 'string' && isIP(value) !== 0 && !value.includes('%')) return []
  return ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']
}

/** What is wrong with a range in CIDR notation. */
export function cidrProblems(value: unknown): readonly string[] {
  return typeof value === 'string' && isCidr(value)
    ? []
    : ['must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)']
}

function isCidr(value: string): boolean {
  const [address = '', length = '', ...rest] = value.split('/')
  if (rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(length)) return false
  return (isIPv4(address) && Number(length) <= 32) || (isIPv6(address) && Number(length) <= 128)
}

interface SpecialRange {
  readonly list: BlockList
  readonly problem: string
}

const SPECIAL: readonly SpecialRange[] = [
  special('may not be unspecified (0.0.0.0 or ::)', ['0.0.0.0/32', '::/128']),
  special('may not be in the loopback range (127.0.0.0/8, ::1/128)', ['127.0.0.0/8', '::1/128']),
  special('may not be in the link-local range (169.254.0.0/16, fe80::/10)', ['169.254.0.0/16', 'fe80::/10']),
  special('may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)', ['224.0.0.0/24', 'ff02::/10']),
]

function special(problem: string, ranges: readonly string[]): SpecialRange {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', length = ''] = range.split('/')
    list.addSubnet(address, Number(length), isIPv6(address) ? 'ipv6' : 'ipv4')
  }
  return { list, problem }
}

/** What forbids an address as one that others are to reach: unspecified, loopback, link-local. */
export function specialIpProblems(value: string): readonly string[] {
  const family = isIPv6(value) ? 'ipv6' : 'ipv4'
  return SPECIAL.filter(({ list }) => list.check(value, family)).map(({ problem }) => problem)
}

/**
 * Rules for fields that hold addresses and ranges, with the texts of upstream's apimachinery `validation/ip.go` and the
 * strictness of 1.36 (KEP-4858): what software reads in different ways is refused, unless it was there before.
 */
import {
  addressFamily,
  canonicalAddress,
  formatAddress,
  formatCidr,
  maskAddress,
  parseAddress,
  parseCidr,
} from '../../base/ip.ts'
import type { FieldError } from '../kind.ts'
import { invalid } from './field-error.ts'

const NO_IP = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'
const NO_CIDR = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'
const MAPPED_PREFIX = Buffer.from('00000000000000000000ffff', 'hex')

/**
 * Checks an address in a field that was once read loosely: it need not be canonical.
 *
 * @param kept What the stored object has in the field: that may stay, whatever it is.
 */
export function legacyIpErrors(field: string, value: unknown, kept: readonly string[] = []): readonly FieldError[] {
  if (typeof value === 'string' && kept.includes(value)) return []
  return ipProblems(value).map((text) => invalid(field, value, text))
}

/** Checks an address in a field that must be canonical. */
export function strictIpErrors(field: string, value: unknown): readonly FieldError[] {
  const errors = legacyIpErrors(field, value)
  if (errors.length > 0 || typeof value !== 'string') return errors
  const canonical = canonicalAddress(value) ?? value
  return canonical === value ? [] : [invalid(field, value, `must be in canonical form (${JSON.stringify(canonical)})`)]
}

/** Checks a range as {@link legacyIpErrors} does an address. */
export function legacyCidrErrors(field: string, value: unknown, kept: readonly string[] = []): readonly FieldError[] {
  if (typeof value === 'string' && kept.includes(value)) return []
  return cidrProblems(value).map((text) => invalid(field, value, text))
}

/** Checks a range in a field that must be canonical. */
export function strictCidrErrors(field: string, value: unknown): readonly FieldError[] {
  const errors = legacyCidrErrors(field, value)
  const cidr = typeof value === 'string' ? parseCidr(value) : undefined
  if (errors.length > 0 || cidr === undefined || formatCidr(cidr) === value) return errors
  return [invalid(field, value, `must be in canonical form (${JSON.stringify(formatCidr(cidr))})`)]
}

/** What a client is told about an address that is taken, and written in an unusual way. */
export function ipWarnings(field: string, value: string): readonly string[] {
  const plain = looseAddress(value)
  if (plain === undefined) return []
  const preferred = unmapped(plain)
  if (parseAddress(value) === undefined || isMapped(plain)) {
    return [`${field}: non-standard IP address ${JSON.stringify(value)} is invalid: use ${JSON.stringify(preferred)}`]
  }
  if (addressFamily(value) !== 6 || preferred === value) return []
  const wanted = JSON.stringify(preferred)
  return [`${field}: IPv6 address ${JSON.stringify(value)} should be in RFC 5952 canonical format (${wanted})`]
}

/** What a client is told about a range that is taken, and written in an unusual way. */
export function cidrWarnings(field: string, value: string): readonly string[] {
  const range = looseCidr(value)
  if (range === undefined) return []
  const [shown, whole] = [JSON.stringify(value), `${range.network}/${range.prefixLength}`]
  const warnings: string[] = []
  if (range.hostBits) {
    const single = JSON.stringify(`${range.address}/${range.family === 4 ? 32 : 128}`)
    warnings.push(
      `${field}: CIDR value ${shown} is ambiguous in this context (should be ${JSON.stringify(whole)} or ${single}?)`,
    )
  }
  if (parseCidr(value) === undefined || range.mapped) {
    warnings.push(`${field}: non-standard CIDR value ${shown} is invalid: use ${JSON.stringify(whole)}`)
  }
  if (warnings.length > 0 || range.family === 4 || whole === value) return warnings
  return [`${field}: IPv6 CIDR value ${shown} should be in RFC 5952 canonical format (${JSON.stringify(whole)})`]
}

function ipProblems(value: unknown): readonly string[] {
  const plain = typeof value === 'string' ? looseAddress(value) : undefined
  if (plain === undefined || typeof value !== 'string') return [NO_IP]
  if (parseAddress(value) === undefined) return ['must not have leading 0s']
  return isMapped(plain) ? ['must not be an IPv4-mapped IPv6 address'] : []
}

function cidrProblems(value: unknown): readonly string[] {
  const range = typeof value === 'string' ? looseCidr(value) : undefined
  if (range === undefined || typeof value !== 'string') return [NO_CIDR]
  if (parseCidr(value) === undefined) return ['must not have leading 0s in IP or prefix length']
  if (range.mapped) return ['must not have an IPv4-mapped IPv6 address']
  return range.hostBits ? ['must not have bits set beyond the prefix length'] : []
}

/** The address without leading zeros in its decimal numbers, as older versions read it; `undefined` when it is none. */
function looseAddress(text: string): string | undefined {
  const plain = text.replace(/\d+(\.\d+){3}$/, (quad) => quad.split('.').map(Number).join('.'))
  return parseAddress(plain) === undefined ? undefined : plain
}

interface LooseRange {
  readonly family: 4 | 6
  readonly address: string
  readonly network: string
  readonly prefixLength: number
  readonly mapped: boolean
  readonly hostBits: boolean
}

function looseCidr(text: string): LooseRange | undefined {
  const [address = '', length = '', ...rest] = text.split('/')
  const plain = looseAddress(address)
  const bytes = plain === undefined ? undefined : parseAddress(plain)
  if (plain === undefined || bytes === undefined || rest.length > 0 || !/^\d+$/.test(length)) return undefined
  const prefixLength = Number(length)
  if (prefixLength > bytes.length * 8) return undefined
  const network = maskAddress(bytes, prefixLength)
  return {
    family: bytes.length === 4 ? 4 : 6,
    address: unmapped(plain),
    network: formatAddress(network),
    prefixLength,
    mapped: isMapped(plain),
    hostBits: !network.equals(bytes),
  }
}

function isMapped(plain: string): boolean {
  const bytes = parseAddress(plain)
  return bytes?.length === 16 && bytes.subarray(0, 12).equals(MAPPED_PREFIX)
}

/** The canonical text; of an IPv6 address that maps one of IPv4, that one. */
function unmapped(plain: string): string {
  const canonical = canonicalAddress(plain) ?? plain
  return isMapped(plain) ? (canonical.split(':').at(-1) ?? canonical) : canonical
}

/** What words of a directive mean: durations, numbers, zones. */
import { parseGoDuration } from '../../base/go-duration.ts'
import { addressFamily, parseCidr } from '../../base/ip.ts'
import { canonicalName, tryEncodeName } from '../wire/name.ts'
import { reverseName } from '../zone/service-records.ts'
import { corefileError, type Directive } from './parse-corefile.ts'

export function duration(directive: Directive, text: string | undefined): number {
  const value = text === undefined ? undefined : parseGoDuration(text)
  if (value === undefined || value < 0) throw corefileError(directive, `'${text ?? ''}' is not a duration such as 5s`)
  return value
}

export function wholeNumber(
  directive: Directive,
  text: string | undefined,
  [low, high]: readonly [number, number],
): number {
  const value = Number(text)
  if (text === undefined || !/^\d+$/.test(text) || value < low || value > high) {
    throw corefileError(directive, `${directive.name}: '${text ?? ''}' is not a number from ${low} to ${high}`)
  }
  return value
}

/** So many arguments, or CoreDNS's words for too few and too many. */
export function requireArguments(directive: Directive, low: number, high = low): readonly string[] {
  if (directive.args.length < low || directive.args.length > high) {
    throw corefileError(
      directive,
      `Wrong argument count or unexpected line ending after '${directive.args.at(-1) ?? directive.name}'`,
    )
  }
  return directive.args
}

/** A line of a directive's block that it knows. */
export function requireOneOf(line: Directive, names: readonly string[]): void {
  if (!names.includes(line.name)) throw corefileError(line, `unknown property '${line.name}'`)
}

/** Canonical names of zones; a CIDR stands for the reverse zones that cover it. */
export function zoneNames(
  directive: { readonly file: string; readonly line: number },
  texts: readonly string[],
): string[] {
  return texts.flatMap((text) => {
    const reverse = reverseZonesOf(text)
    if (reverse !== undefined) return reverse
    const name = canonicalName(text === '.' ? '' : text)
    if (tryEncodeName(name) === undefined) throw corefileError(directive, `'${text}' is not a zone`)
    return [name]
  })
}

/** `10.96.in-addr.arpa` of 10.96.0.0/16; several zones where the prefix ends within a label. */
function reverseZonesOf(text: string): string[] | undefined {
  const cidr = parseCidr(text)
  if (cidr === undefined) return undefined
  const bits = cidr.family === 4 ? 8 : 4
  const kept = Math.ceil(cidr.prefixLength / bits)
  const free = kept * bits - cidr.prefixLength
  const labels = reverseName(text.slice(0, text.indexOf('/'))).split('.')
  const names = labels.slice((cidr.family === 4 ? 4 : 32) - kept)
  if (free === 0) return [names.join('.')]
  const [first = '0', ...rest] = names
  const base = Number.parseInt(first, cidr.family === 4 ? 10 : 16) & (0xff << free)
  return Array.from({ length: 2 ** free }, (_, i) =>
    [(base + i).toString(cidr.family === 4 ? 10 : 16), ...rest].join('.'),
  )
}

export interface HostPort {
  readonly host: string
  readonly port: number
}

/** `10.0.0.1`, `10.0.0.1:5353`, `[fd00::1]:53`, `fd00::1`; undefined for text without an address. */
export function parseHostPort(text: string, defaultPort: number): HostPort | undefined {
  if (addressFamily(text) !== undefined) return { host: text, port: defaultPort }
  const [, six, four, port] = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = six ?? four ?? ''
  const number = port === undefined ? defaultPort : Number(port)
  return addressFamily(host) === undefined || number > 65_535 ? undefined : { host, port: number }
}

/** Where something listens: `:8080`, `localhost:9153`, `10.0.0.1:80`; an empty host is every address. */
export function listenAddress(directive: Directive, text: string, port: number): HostPort {
  const [, host = '', given] = /^(.*?)(?::(\d{1,5}))?$/.exec(text) ?? []
  const plain = host.replace(/^\[|\]$/g, '')
  const named = plain === 'localhost' ? '127.0.0.1' : plain
  if (named !== '' && addressFamily(named) === undefined) throw corefileError(directive, `'${text}' is not an address`)
  return { host: named, port: given === undefined ? port : Number(given) }
}

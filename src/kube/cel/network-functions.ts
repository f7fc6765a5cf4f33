import { type Cidr, cidrContains, formatAddress, formatCidr, parseAddress, parseCidr } from '../../base/ip.ts'
import type { Environment } from './engine.ts'
import { celError } from './evaluation-error.ts'

/** An address as rules see it. */
class Ip {
  readonly bytes: Buffer
  constructor(bytes: Buffer) {
    this.bytes = bytes
  }
}

/** A prefix as rules see it, host bits kept. */
class Prefix {
  readonly cidr: Cidr
  constructor(cidr: Cidr) {
    this.cidr = cidr
  }
}

class Ips {}
class Urls {
  readonly url: URL
  readonly text: string
  constructor(text: string) {
    this.text = text
    this.url = parseUrl(text)
  }
}

/** Functions of Kubernetes on addresses, prefixes and URLs (apiserver `library.IP`, `library.CIDR`, `library.URLs`). */
export function registerNetworkFunctions(environment: Environment): void {
  const add = (signature: string, handler: (...args: never[]) => unknown) =>
    environment.registerFunction(signature, handler as (...args: unknown[]) => unknown, { async: false })
  environment.registerType('net.IP', Ip)
  environment.registerType('net.CIDR', Prefix)
  environment.registerType('kubernetes.URL', Urls)
  environment.registerType('kubernetes.Ips', Ips)
  environment.registerConstant('ip', 'kubernetes.Ips', new Ips())
  environment.registerOperator('net.IP == net.IP', (a: Ip, b: Ip) => a.bytes.equals(b.bytes))
  environment.registerOperator('net.CIDR == net.CIDR', (a: Prefix, b: Prefix) => written(a) === written(b))
  environment.registerOperator('kubernetes.URL == kubernetes.URL', (a: Urls, b: Urls) => a.text === b.text)
  add('isIP(string): bool', (text: string) => parseAddress(text) !== undefined)
  add('ip(string): net.IP', ipOf)
  add('kubernetes.Ips.isCanonical(string): bool', (_: Ips, text: string) => formatAddress(ipOf(text).bytes) === text)
  add('string(net.IP): string', ({ bytes }: Ip) => formatAddress(bytes))
  add('net.IP.family(): int', ({ bytes }: Ip) => (bytes.length === 4 ? 4n : 6n))
  for (const [name, test] of Object.entries(KINDS)) add(`net.IP.${name}(): bool`, ({ bytes }: Ip) => test(bytes))
  add('isCIDR(string): bool', (text: string) => parseCidr(text) !== undefined)
  add('cidr(string): net.CIDR', cidrOf)
  add('string(net.CIDR): string', written)
  add('net.CIDR.ip(): net.IP', ({ cidr }: Prefix) => new Ip(cidr.address))
  add('net.CIDR.prefixLength(): int', ({ cidr }: Prefix) => BigInt(cidr.prefixLength))
  add('net.CIDR.masked(): net.CIDR', ({ cidr }: Prefix) => cidrOf(formatCidr(cidr)))
  add('net.CIDR.containsIP(net.IP): bool', ({ cidr }: Prefix, { bytes }: Ip) => cidrContains(cidr, bytes))
  add('net.CIDR.containsIP(string): bool', ({ cidr }: Prefix, text: string) => cidrContains(cidr, ipOf(text).bytes))
  add('net.CIDR.containsCIDR(net.CIDR): bool', holds)
  add('net.CIDR.containsCIDR(string): bool', (outer: Prefix, text: string) => holds(outer, cidrOf(text)))
  add('isURL(string): bool', isUrl)
  add('url(string): kubernetes.URL', (text: string) => new Urls(text))
  for (const [name, part] of Object.entries(PARTS))
    add(`kubernetes.URL.${name}(): string`, ({ url }: Urls) => part(url))
  add('kubernetes.URL.getQuery(): map<string, list<string>>', ({ url }: Urls) => queryOf(url))
}

const NONE = '<none>'
/** Paths without a scheme are URLs as well, as Go's `url.ParseRequestURI` has it. */
const BASE = `http://${NONE.slice(1, -1)}.invalid`

const PARTS: Readonly<Record<string, (url: URL) => string>> = {
  getScheme: (url) => (isPath(url) ? '' : url.protocol.slice(0, -1)),
  getHost: (url) => (isPath(url) ? '' : url.host),
  getHostname: (url) => (isPath(url) ? '' : url.hostname.replace(/^\[|\]$/g, '')),
  getPort: (url) => (isPath(url) ? '' : url.port),
  getEscapedPath: (url) => url.pathname,
}

const KINDS: Readonly<Record<string, (bytes: Buffer) => boolean>> = {
  isUnspecified: (bytes) => bytes.every((byte) => byte === 0),
  isLoopback: (bytes) => (bytes.length === 4 ? bytes[0] === 127 : inRange(bytes, '::1/128')),
  isLinkLocalMulticast: (bytes) => inRange(bytes, '224.0.0.0/24', 'ff02::/16'),
  isLinkLocalUnicast: (bytes) => inRange(bytes, '169.254.0.0/16', 'fe80::/10'),
  isGlobalUnicast: (bytes) =>
    !inRange(bytes, '0.0.0.0/32', '255.255.255.255/32', '127.0.0.0/8', '224.0.0.0/4', '169.254.0.0/16') &&
    !inRange(bytes, '::/128', '::1/128', 'ff00::/8', 'fe80::/10'),
}

function inRange(bytes: Buffer, ...ranges: readonly string[]): boolean {
  return ranges.some((range) => cidrContains(cidrOf(range).cidr, bytes))
}

function ipOf(text: string): Ip {
  const bytes = parseAddress(text)
  if (bytes === undefined)
    throw celError(`IP Address ${JSON.stringify(text)} parse error during conversion from string`)
  return new Ip(bytes)
}

function cidrOf(text: string): Prefix {
  const cidr = parseCidr(text)
  if (cidr === undefined) throw celError('network address parse error during conversion from string')
  return new Prefix(cidr)
}

function written({ cidr }: Prefix): string {
  return `${formatAddress(cidr.address)}/${cidr.prefixLength}`
}

function holds({ cidr: outer }: Prefix, { cidr: inner }: Prefix): boolean {
  return inner.prefixLength >= outer.prefixLength && cidrContains(outer, inner.network)
}

function isUrl(text: string): boolean {
  return text.startsWith('/') ? URL.canParse(text, BASE) : URL.canParse(text)
}

function parseUrl(text: string): URL {
  if (!isUrl(text))
    throw celError(
      `URL parse error during conversion from string: parse ${JSON.stringify(text)}: invalid URI for request`,
    )
  return text.startsWith('/') ? new URL(text, BASE) : new URL(text)
}

function isPath(url: URL): boolean {
  return url.origin === BASE
}

function queryOf(url: URL): Map<string, string[]> {
  return new Map([...url.searchParams.keys()].map((key) => [key, url.searchParams.getAll(key)]))
}

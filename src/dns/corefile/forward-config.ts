import { addressFamily } from '../../base/ip.ts'
import { RCODE, rcodeNumber } from '../wire/codes.ts'
import { duration, parseHostPort, requireArguments, wholeNumber, zoneNames } from './arguments.ts'
import { corefileError, type Directive } from './parse-corefile.ts'

/** The directive `forward`. */
export interface ForwardConfig {
  readonly from: string
  /** Addresses `10.0.0.1:53`, or paths of files like resolv.conf. */
  readonly to: readonly string[]
  readonly except: readonly string[]
  readonly forceTcp: boolean
  /** By UDP also what came by TCP. */
  readonly preferUdp: boolean
  /** A connection that nothing was asked on for so long is closed. */
  readonly expireMs: number
  /** Paths. */
  readonly tlsFiles: { readonly ca?: string; readonly cert?: string; readonly key?: string }
  readonly tlsServername: string | undefined
  readonly sourceAddress: string | undefined
  /** Codes after which the next directive `forward` that takes the name is asked. */
  readonly next: readonly number[]
  readonly nextOnNodata: boolean
  /** Codes after which the next upstream is asked. */
  readonly failover: readonly number[]
  readonly maxFails: number
  readonly policy: 'random' | 'round_robin' | 'sequential'
  readonly healthCheckMs: number
  readonly healthCheckName: string
  readonly healthCheckRecursion: boolean
  /** Questions on their way at a time; 0 for no limit. */
  readonly maxConcurrent: number
  readonly readTimeoutMs: number
  /** 0 for no limit. */
  readonly maxAttempts: number | undefined
  readonly failFast: boolean
}

const MAX_UPSTREAMS = 15

export function forwardConfig(directive: Directive): ForwardConfig {
  const [from = '', ...to] = requireArguments(directive, 2, 1 + MAX_UPSTREAMS)
  for (const target of to) {
    if (/^(https|quic|grpc):\/\//.test(target)) {
      throw corefileError(
        directive,
        `forward to ${target}: wanted is an address, dns://ADDRESS, tls://ADDRESS[%NAME] or a file`,
      )
    }
  }
  const draft: { -readonly [K in keyof ForwardConfig]: ForwardConfig[K] } = {
    from: zoneNames(directive, [from])[0] ?? '',
    to: to.map((target) => target.replace(/^dns:\/\//, '')),
    except: [],
    forceTcp: false,
    preferUdp: false,
    expireMs: 10_000,
    tlsFiles: {},
    tlsServername: undefined,
    sourceAddress: undefined,
    next: [],
    nextOnNodata: false,
    failover: [],
    maxFails: 2,
    policy: 'random',
    healthCheckMs: 500,
    healthCheckName: '',
    healthCheckRecursion: true,
    maxConcurrent: 0,
    readTimeoutMs: 2_000,
    maxAttempts: undefined,
    failFast: false,
  }
  for (const line of directive.block) readLine(draft, line)
  for (const target of draft.to) {
    const isFile = target.includes('/') && !target.startsWith('tls://')
    if (!isFile && upstreamAddress(target) === undefined) {
      throw corefileError(directive, `not an IP address or file: "${target}"`)
    }
    if (draft.tlsServername !== undefined && target.includes('%') && target.startsWith('tls://')) {
      throw corefileError(directive, `tls_servername and ${target} both name the server of a certificate; give one`)
    }
  }
  return draft
}

function readLine(draft: { -readonly [K in keyof ForwardConfig]: ForwardConfig[K] }, line: Directive): void {
  const one = () => requireArguments(line, 1)[0]
  switch (line.name) {
    case 'except':
      draft.except = zoneNames(line, requireArguments(line, 1, 1_000))
      break
    case 'force_tcp':
      draft.forceTcp = true
      break
    case 'prefer_udp':
      draft.preferUdp = true
      break
    case 'expire':
      draft.expireMs = duration(line, one())
      break
    case 'max_idle_conns':
      // One connection takes all questions.
      wholeNumber(line, one(), [0, 1_000_000])
      break
    case 'tls':
      draft.tlsFiles = tlsFiles(requireArguments(line, 0, 3))
      break
    case 'tls_servername':
      draft.tlsServername = one()
      break
    case 'source_address': {
      const address = one() ?? ''
      if (addressFamily(address) === undefined) throw corefileError(line, `invalid source_address: "${address}"`)
      draft.sourceAddress = address
      break
    }
    case 'next':
      draft.next = rcodes(line)
      break
    case 'next_on_nodata':
      draft.nextOnNodata = true
      break
    case 'failover':
      draft.failover = rcodes(line)
      if (draft.failover.includes(RCODE.NOERROR)) throw corefileError(line, 'NOERROR cannot be used in failover')
      break
    case 'max_fails':
      draft.maxFails = wholeNumber(line, one(), [0, 1_000_000])
      break
    case 'max_connect_attempts':
      draft.maxAttempts = wholeNumber(line, one(), [0, 1_000_000])
      break
    case 'max_concurrent':
      draft.maxConcurrent = wholeNumber(line, one(), [0, 10_000_000])
      break
    case 'read_timeout':
      draft.readTimeoutMs = duration(line, one())
      break
    case 'failfast_all_unhealthy_upstreams':
      draft.failFast = true
      break
    case 'policy': {
      const policy = one()
      if (policy !== 'random' && policy !== 'round_robin' && policy !== 'sequential') {
        throw corefileError(line, `unknown policy '${policy}'`)
      }
      draft.policy = policy
      break
    }
    case 'health_check': {
      const [period, ...rest] = requireArguments(line, 1, 4)
      draft.healthCheckMs = duration(line, period)
      draft.healthCheckRecursion = !rest.includes('no_rec')
      const domain = rest.indexOf('domain')
      if (domain >= 0) draft.healthCheckName = zoneNames(line, [rest[domain + 1] ?? ''])[0] ?? ''
      break
    }
    default:
      throw corefileError(line, `unknown property '${line.name}'`)
  }
}

/** As many files as upstream's `tls` takes: none, CA, CERT KEY, or CERT KEY CA. */
function tlsFiles(files: readonly string[]): ForwardConfig['tlsFiles'] {
  const [first, key, ca] = files
  if (first === undefined) return {}
  if (key === undefined) return { ca: first }
  return { cert: first, key, ...(ca === undefined ? {} : { ca }) }
}

function rcodes(line: Directive): readonly number[] {
  return requireArguments(line, 1, 24).map((text) => {
    const code = rcodeNumber(text)
    if (code === undefined) throw corefileError(line, `${text} is not a valid rcode`)
    return code
  })
}

export interface UpstreamAddress {
  readonly host: string
  readonly port: number
  readonly isTls: boolean
  /** Of this one alone. */
  readonly servername?: string
}

const DNS_PORT = 53
const DNS_TLS_PORT = 853

/** `10.0.0.1:53`, or `tls://9.9.9.9%dns.quad9.net:853`; undefined for text without an address. */
export function upstreamAddress(text: string): UpstreamAddress | undefined {
  const isTls = text.startsWith('tls://')
  const [, address = '', servername, port = ''] = isTls
    ? (/^tls:\/\/([^%]*)(?:%([^:]+)(:\d+)?)?$/.exec(text) ?? [])
    : [text, text]
  const place = parseHostPort(address + port, isTls ? DNS_TLS_PORT : DNS_PORT)
  if (place === undefined) return undefined
  return { ...place, isTls, ...(servername === undefined ? {} : { servername }) }
}

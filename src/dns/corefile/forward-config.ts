import { duration, parseHostPort, requireArguments, wholeNumber, zoneNames } from './arguments.ts'
import { corefileError, type Directive } from './parse-corefile.ts'

/** The directive `forward`. */
export interface ForwardConfig {
  readonly from: string
  /** Addresses `10.0.0.1:53`, or paths of files like resolv.conf. */
  readonly to: readonly string[]
  readonly except: readonly string[]
  readonly forceTcp: boolean
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
    if (/^(tls|https|quic|grpc):\/\//.test(target)) {
      throw corefileError(directive, `forward to ${target}: wanted is an address, dns://ADDRESS or a file`)
    }
  }
  const draft: { -readonly [K in keyof ForwardConfig]: ForwardConfig[K] } = {
    from: zoneNames(directive, [from])[0] ?? '',
    to: to.map((target) => target.replace(/^dns:\/\//, '')),
    except: [],
    forceTcp: false,
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
    if (!target.includes('/') && parseHostPort(target, 53) === undefined) {
      throw corefileError(directive, `not an IP address or file: "${target}"`)
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
      // Always: what is cut off is asked for again by TCP.
      break
    case 'expire':
      duration(line, one())
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

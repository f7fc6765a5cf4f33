import type { Parameters } from '../openapi/parameters.ts'
import { Refusal } from '../openapi/refusal.ts'
import type { HealthCheck, HttpHealthCheck } from '../slb/model.ts'

type Check = Exclude<HealthCheck, { readonly type: 'off' }>

const URL = { pattern: /^\/[A-Za-z0-9/.%?#&=_-]{0,79}$/, wanted: '1 to 80 characters of a path, / first' }
const DOMAIN = {
  pattern: /^(\$SERVER_IP|[A-Za-z0-9.-]{1,80})$/,
  wanted: '1 to 80 letters, digits, dots and dashes, or $SERVER_IP',
  code: 'IllegalParam.healthCheckDomain',
}
const TEXT = { pattern: /^[A-Za-z0-9]{1,512}$/, wanted: '1 to 512 letters and digits' }
const CODES = ['http_2xx', 'http_3xx', 'http_4xx', 'http_5xx']
const THRESHOLD = { min: 2, max: 10 }
const DEFAULT: Check = { type: 'tcp', interval: 5, timeout: 5, healthyThreshold: 2, unhealthyThreshold: 2 }

/**
 * A group's health check, from `HealthCheckConfig`: what is asked for, else as it was, else the API's defaults.
 *
 * @throws Refusal
 */
export function healthCheckOf(parameters: Parameters, before: HealthCheck = DEFAULT): HealthCheck {
  const on = parameters.boolean(named('HealthCheckEnabled')) ?? before.type !== 'off'
  if (!on) return { type: 'off' }
  const known = before.type === 'off' ? DEFAULT : before
  const type = typeOf(parameters) ?? known.type
  const connectPort = parameters.integer(named('HealthCheckConnectPort'), { min: 0, max: 65_535 }) ?? known.connectPort
  const check: Check = {
    type,
    // 0 is the server's own port.
    ...(connectPort === undefined || connectPort === 0 ? {} : { connectPort }),
    interval:
      parameters.integer(named('HealthCheckInterval'), { min: 1, max: type === 'udp' ? 300 : 50 }) ?? known.interval,
    timeout: parameters.integer(named('HealthCheckConnectTimeout'), { min: 1, max: 300 }) ?? known.timeout,
    healthyThreshold: parameters.integer(named('HealthyThreshold'), THRESHOLD) ?? known.healthyThreshold,
    unhealthyThreshold: parameters.integer(named('UnhealthyThreshold'), THRESHOLD) ?? known.unhealthyThreshold,
  }
  if (type === 'http') return { ...check, http: httpOf(parameters, known.http) }
  return type === 'udp' ? { ...check, udp: udpOf(parameters, known.udp) } : check
}

/** The same as the API shows it. */
export function healthCheckView(check: HealthCheck): object {
  if (check.type === 'off') return { HealthCheckEnabled: false }
  const { type, connectPort, interval, timeout, healthyThreshold, unhealthyThreshold, http, udp } = check
  return {
    HealthCheckEnabled: true,
    HealthCheckType: type.toUpperCase(),
    HealthCheckConnectPort: connectPort ?? 0,
    HealthCheckInterval: interval,
    HealthCheckConnectTimeout: timeout,
    HealthyThreshold: healthyThreshold,
    UnhealthyThreshold: unhealthyThreshold,
    ...(http === undefined
      ? {}
      : {
          HealthCheckUrl: http.uri,
          HealthCheckDomain: http.domain ?? '$SERVER_IP',
          HealthCheckHttpCode: http.codes,
          HealthCheckHttpVersion: `HTTP${http.version ?? '1.0'}`,
          HttpCheckMethod: http.method.toUpperCase(),
        }),
    ...(udp === undefined ? {} : { HealthCheckReq: udp.request, HealthCheckExp: udp.expected }),
  }
}

function named(member: string): string {
  return `HealthCheckConfig.${member}`
}

function typeOf(parameters: Parameters): Check['type'] | undefined {
  const type = parameters.oneOf(named('HealthCheckType'), ['TCP', 'HTTP', 'UDP'])
  if (type === undefined) return undefined
  return ({ TCP: 'tcp', HTTP: 'http', UDP: 'udp' } as const)[type]
}

function httpOf(parameters: Parameters, before: HttpHealthCheck | undefined): HttpHealthCheck {
  const version = parameters.oneOf(named('HealthCheckHttpVersion'), ['HTTP1.0', 'HTTP1.1'])
  const asked = parameters.string(named('HealthCheckDomain'), DOMAIN) ?? before?.domain
  const domain = asked === '$SERVER_IP' ? undefined : asked
  const method = parameters.oneOf(named('HttpCheckMethod'), ['GET', 'HEAD'])
  return {
    method: method === undefined ? (before?.method ?? 'get') : method === 'GET' ? 'get' : 'head',
    uri: parameters.string(named('HealthCheckUrl'), URL) ?? before?.uri ?? '/',
    version: version === undefined ? (before?.version ?? '1.0') : version === 'HTTP1.1' ? '1.1' : '1.0',
    ...(domain === undefined ? {} : { domain }),
    codes: codesOf(parameters) ?? before?.codes ?? ['http_2xx'],
  }
}

function codesOf(parameters: Parameters): string[] | undefined {
  const codes = parameters.list(named('HealthCheckHttpCode'))
  const unknown = codes.find((code) => !CODES.includes(code))
  if (unknown === undefined) return codes.length === 0 ? undefined : codes
  throw new Refusal(
    'IllegalParam.HealthCheckHttpCode',
    `The HealthCheckHttpCode '${unknown}' is not valid: give some of ${CODES.join(', ')}.`,
  )
}

function udpOf(parameters: Parameters, before: Check['udp']): NonNullable<Check['udp']> {
  return {
    request: parameters.string(named('HealthCheckReq'), TEXT) ?? before?.request ?? '',
    expected: parameters.string(named('HealthCheckExp'), TEXT) ?? before?.expected ?? '',
  }
}

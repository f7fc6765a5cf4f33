import type { Parameters } from '../openapi/parameters.ts'
import { Refusal } from '../openapi/refusal.ts'
import type { HealthCheck, HttpHealthCheck, ListenerProtocol } from './model.ts'

type Check = Exclude<HealthCheck, { readonly type: 'off' }>

const URI = { pattern: /^\/[A-Za-z0-9/.%?#&=_!~*'()$@^:,;+-]{0,79}$/, wanted: '1 to 80 characters of a path, / first' }
const DOMAIN = { pattern: /^(\$_ip|[A-Za-z0-9.-]{1,80})$/, wanted: '1 to 80 letters, digits, dots and dashes, or $_ip' }
const CODES = ['http_2xx', 'http_3xx', 'http_4xx', 'http_5xx']
const MAXIMUM_UDP_TEXT = 64

/**
 * A listener's health check: what is asked for, else as it was, else the API's defaults (SLB "Configure health checks").
 *
 * @throws Refusal
 */
export function healthCheckOf(parameters: Parameters, protocol: ListenerProtocol, before?: HealthCheck): HealthCheck {
  if (!isOn(parameters, protocol, before)) return { type: 'off' }
  const known = before === undefined || before.type === 'off' ? defaults(protocol) : before
  const type = typeOf(parameters, protocol) ?? known.type
  const connectPort = connectPortOf(parameters, known.connectPort)
  const check: Check = {
    type,
    ...(connectPort === undefined ? {} : { connectPort }),
    interval: parameters.integer('HealthCheckInterval', { min: 1, max: 50 }) ?? known.interval,
    timeout:
      parameters.integer(isLayer7(protocol) ? 'HealthCheckTimeout' : 'HealthCheckConnectTimeout', {
        min: 1,
        max: 300,
      }) ?? known.timeout,
    healthyThreshold: parameters.integer('HealthyThreshold', { min: 2, max: 10 }) ?? known.healthyThreshold,
    unhealthyThreshold: parameters.integer('UnhealthyThreshold', { min: 2, max: 10 }) ?? known.unhealthyThreshold,
  }
  if (type === 'http') return { ...check, http: httpOf(parameters, known.http) }
  return type === 'udp' ? { ...check, udp: udpOf(parameters, known.udp) } : check
}

/** Layer 4 checks unless it is switched off; layer 7 must say. */
function isOn(parameters: Parameters, protocol: ListenerProtocol, before: HealthCheck | undefined): boolean {
  const asked = isLayer7(protocol) ? parameters.onOff('HealthCheck') : parameters.onOff('HealthCheckSwitch')
  if (asked !== undefined) return asked
  if (before !== undefined) return before.type !== 'off'
  if (!isLayer7(protocol)) return true
  parameters.required('HealthCheck')
  return false
}

function isLayer7(protocol: ListenerProtocol): boolean {
  return protocol === 'http' || protocol === 'https'
}

function defaults(protocol: ListenerProtocol): Check {
  const thresholds = { healthyThreshold: 3, unhealthyThreshold: 3 }
  if (protocol === 'udp') return { type: 'udp', interval: 5, timeout: 10, ...thresholds }
  return { type: isLayer7(protocol) ? 'http' : 'tcp', interval: 2, timeout: 5, ...thresholds }
}

function typeOf(parameters: Parameters, protocol: ListenerProtocol): Check['type'] | undefined {
  if (protocol === 'udp') return 'udp'
  return parameters.oneOf('HealthCheckType', ['tcp', 'http'])
}

/** -520 stands for the backend's own port. */
function connectPortOf(parameters: Parameters, before: number | undefined): number | undefined {
  if (parameters.string('HealthCheckConnectPort') === '-520') return undefined
  return parameters.integer('HealthCheckConnectPort', { min: 1, max: 65_535 }) ?? before
}

function httpOf(parameters: Parameters, before: HttpHealthCheck | undefined): HttpHealthCheck {
  const asked = parameters.string('HealthCheckDomain', DOMAIN) ?? before?.domain
  const domain = asked === '$_ip' ? undefined : asked
  return {
    method: parameters.oneOf('HealthCheckMethod', ['head', 'get']) ?? before?.method ?? 'head',
    uri: parameters.string('HealthCheckURI', URI) ?? before?.uri ?? '/',
    ...(domain === undefined ? {} : { domain }),
    codes: codesOf(parameters.string('HealthCheckHttpCode')) ?? before?.codes ?? ['http_2xx'],
  }
}

function codesOf(text: string | undefined): string[] | undefined {
  const codes = text?.split(',')
  const unknown = codes?.find((code) => !CODES.includes(code))
  if (unknown === undefined) return codes
  throw new Refusal(
    'InvalidParameter.HealthCheckHttpCode',
    `The HealthCheckHttpCode '${unknown}' is not valid: give some of ${CODES.join(', ')}, separated by commas.`,
  )
}

function udpOf(parameters: Parameters, before: Check['udp']): NonNullable<Check['udp']> {
  const rule = {
    pattern: new RegExp(`^[A-Za-z0-9]{1,${MAXIMUM_UDP_TEXT}}$`),
    wanted: `1 to ${MAXIMUM_UDP_TEXT} letters and digits`,
  }
  return {
    request: parameters.string('HealthCheckReq', rule) ?? before?.request ?? '',
    expected: parameters.string('HealthCheckExp', rule) ?? before?.expected ?? '',
  }
}

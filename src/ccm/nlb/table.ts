import type { SettingRow } from '../annotations/setting-row.ts'
import { BACKEND_ROWS, ID, type InstanceRow, TAGS } from '../annotations/table.ts'
import { anyCase, number, pattern, words } from '../annotations/value-rule.ts'

export type NlbProtocol = 'TCP' | 'UDP' | 'TCPSSL'

const SWITCH = anyCase('on', 'off')
const ZONE_MAP = '[a-z][\\w-]*:[A-Za-z][\\w-]*(:[\\d.]*(:[\\w-]*)?)?'
const ZONE_MAPS = pattern(
  new RegExp(`^${ZONE_MAP}(,${ZONE_MAP}){1,9}$`),
  '2 to 10 zones with their vSwitches such as cn-hangzhou-k:vsw-a,cn-hangzhou-j:vsw-b, each with :address and :EIP if wanted',
)
const NAME = pattern(
  /^\p{L}[\p{L}\d._-]{1,127}$/u,
  '2 to 128 letters, digits, dots, underscores and dashes, a letter first',
)
const IDS = pattern(/^[A-Za-z][\w-]*(,[A-Za-z][\w-]*)*$/, 'ids separated by commas')
const CERTIFICATES = pattern(/^[\w-]{1,128}(,[\w-]{1,128})*$/, 'ids of certificates, separated by commas')

/** Annotations of the instance (ACK "Configure NLB instances by using annotations"). */
export const NLB_INSTANCE_ROWS = {
  zoneMaps: { suffix: 'loadbalancer-zone-maps', rule: ZONE_MAPS },
  addressType: { suffix: 'loadbalancer-address-type', rule: anyCase('Internet', 'Intranet'), otherwise: 'Internet' },
  ipVersion: { suffix: 'loadbalancer-ip-version', rule: anyCase('ipv4', 'DualStack') },
  ipv6AddressType: { suffix: 'loadbalancer-ipv6-address-type', rule: anyCase('Internet', 'Intranet') },
  id: { suffix: 'loadbalancer-id', rule: ID },
  forceOverride: { suffix: 'loadbalancer-force-override-listeners', rule: words('true', 'false') },
  name: { suffix: 'loadbalancer-name', rule: NAME },
  resourceGroupId: { suffix: 'loadbalancer-resource-group-id', rule: ID },
  tags: { suffix: 'loadbalancer-additional-resource-tags', rule: TAGS },
  preserve: { suffix: 'loadbalancer-preserve-lb-on-delete', rule: pattern(/./, 'anything') },
  securityGroupIds: { suffix: 'loadbalancer-security-group-ids', rule: IDS },
  bandwidthPackageId: { suffix: 'loadbalancer-bandwidth-package-id', rule: ID },
  crossZone: { suffix: 'loadbalancer-cross-zone-enabled', rule: SWITCH, otherwise: 'on' },
} as const satisfies Record<string, InstanceRow>

export type NlbInstanceKey = keyof typeof NLB_INSTANCE_ROWS

/** Annotations of backends: those of CLB, and one more family of addresses. */
export const NLB_BACKEND_ROWS = {
  ...BACKEND_ROWS,
  backendIpVersion: { ...BACKEND_ROWS.backendIpVersion, rule: words('ipv4', 'ipv6', 'dualstack') },
} as const satisfies Record<keyof typeof BACKEND_ROWS, InstanceRow>

/** Annotations of ports and groups that are more than one parameter. */
export const NLB_PORT_ROWS = {
  protocolPort: {
    suffix: 'loadbalancer-protocol-port',
    rule: pattern(
      /^(tcp|udp|tcpssl):\d{1,5}(,(tcp|udp|tcpssl):\d{1,5})*$/i,
      'a list protocol:port such as tcpssl:443,tcp:80, with the protocols tcp, udp and tcpssl',
    ),
  },
  portRange: {
    suffix: 'loadbalancer-listener-port-range',
    rule: pattern(
      /^\d{1,5}-\d{1,5}:\d{1,5}(,\d{1,5}-\d{1,5}:\d{1,5})*$/,
      'a list first-last:port such as 1000-2000:80',
    ),
  },
  groupType: { suffix: 'loadbalancer-server-group-type', rule: anyCase('Instance', 'Ip'), otherwise: 'Instance' },
  additionalCertificates: { suffix: 'loadbalancer-additional-cert-ids', rule: CERTIFICATES },
} as const satisfies Record<string, InstanceRow>

export type NlbPortKey = keyof typeof NLB_PORT_ROWS

/** Counts for every other annotation of health checks. */
export const HEALTH_CHECK_FLAG = 'loadbalancer-health-check-flag'

const ENABLED = 'HealthCheckConfig.HealthCheckEnabled'
export const HEALTH_CHECK_TYPE = 'HealthCheckConfig.HealthCheckType'
const CHECKS = { needs: [ENABLED, ['true']] } as const
const CHECKS_BY_HTTP = { needs: [HEALTH_CHECK_TYPE, ['HTTP']] } as const

/** Annotations of server groups, one parameter each. */
export const GROUP_ROWS: readonly SettingRow[] = [
  row('scheduler', 'Scheduler', { rule: anyCase('Wrr', 'Wlc', 'rr', 'sch', 'tch', 'qch'), otherwise: 'Wrr' }),
  row('connection-drain', 'ConnectionDrainEnabled', { rule: SWITCH, otherwise: 'false', isSwitch: true }),
  row('connection-drain-timeout', 'ConnectionDrainTimeout', {
    rule: number(0, 900),
    needs: ['ConnectionDrainEnabled', ['true']],
  }),
  row('preserve-client-ip', 'PreserveClientIpEnabled', { rule: SWITCH, otherwise: 'true', isSwitch: true }),
  { suffix: HEALTH_CHECK_FLAG, parameter: ENABLED, rule: SWITCH, otherwise: 'true', isSwitch: true },
  row('health-check-type', HEALTH_CHECK_TYPE, { rule: anyCase('TCP', 'HTTP', 'UDP'), otherwise: 'TCP', ...CHECKS }),
  row('health-check-connect-port', 'HealthCheckConfig.HealthCheckConnectPort', {
    rule: number(0, 65_535),
    otherwise: '0',
    ...CHECKS,
  }),
  row('health-check-connect-timeout', 'HealthCheckConfig.HealthCheckConnectTimeout', {
    rule: number(1, 300),
    otherwise: '5',
    ...CHECKS,
  }),
  row('health-check-interval', 'HealthCheckConfig.HealthCheckInterval', {
    rule: number(1, 50),
    otherwise: '5',
    ...CHECKS,
  }),
  row('healthy-threshold', 'HealthCheckConfig.HealthyThreshold', {
    rule: number(2, 10),
    otherwise: '2',
    ...CHECKS,
  }),
  row('unhealthy-threshold', 'HealthCheckConfig.UnhealthyThreshold', {
    rule: number(2, 10),
    otherwise: '2',
    ...CHECKS,
  }),
  row('health-check-uri', 'HealthCheckConfig.HealthCheckUrl', {
    rule: pattern(/^\/[A-Za-z0-9/.%?#&=_-]{0,79}$/, '1 to 80 characters of a path, / first'),
    otherwise: '/',
    ...CHECKS_BY_HTTP,
  }),
  row('health-check-domain', 'HealthCheckConfig.HealthCheckDomain', {
    rule: pattern(/^(\$SERVER_IP|[A-Za-z0-9.-]{1,80})$/, '1 to 80 letters, digits, dots and dashes, or $SERVER_IP'),
    otherwise: '$SERVER_IP',
    ...CHECKS_BY_HTTP,
  }),
  row('health-check-httpcode', 'HealthCheckConfig.HealthCheckHttpCode', {
    rule: { kind: 'list', words: ['http_2xx', 'http_3xx', 'http_4xx', 'http_5xx'] },
    otherwise: 'http_2xx',
    ...CHECKS_BY_HTTP,
  }),
  row('health-check-method', 'HealthCheckConfig.HttpCheckMethod', {
    rule: anyCase('GET', 'HEAD'),
    otherwise: 'GET',
    ...CHECKS_BY_HTTP,
  }),
  row('health-check-http-version', 'HealthCheckConfig.HealthCheckHttpVersion', {
    rule: anyCase('HTTP1.0', 'HTTP1.1'),
    otherwise: 'HTTP1.0',
    ...CHECKS_BY_HTTP,
  }),
]

/** An annotation that becomes a parameter of every listener whose protocol it fits. */
export interface NlbListenerRow extends SettingRow {
  readonly protocols: readonly NlbProtocol[]
}

const STREAMS: readonly NlbProtocol[] = ['TCP', 'TCPSSL']
const ALL: readonly NlbProtocol[] = ['TCP', 'UDP', 'TCPSSL']
const TLS: readonly NlbProtocol[] = ['TCPSSL']
const OFF = { rule: SWITCH, otherwise: 'false', isSwitch: true } as const

/** Annotations of listeners, one parameter each. */
export const NLB_LISTENER_ROWS: readonly NlbListenerRow[] = [
  { ...row('idle-timeout', 'IdleTimeout', { rule: number(10, 900), otherwise: '900' }), protocols: STREAMS },
  { ...row('idle-timeout', 'IdleTimeout', { rule: number(10, 900), otherwise: '20' }), protocols: ['UDP'] },
  { ...row('proxy-protocol', 'ProxyProtocolEnabled', OFF), protocols: STREAMS },
  { ...row('ppv2-pvl-vpc-id-enabled', 'ProxyProtocolV2Config.Ppv2VpcIdEnabled', OFF), protocols: STREAMS },
  { ...row('ppv2-pvl-ep-id-enabled', 'ProxyProtocolV2Config.Ppv2PrivateLinkEpIdEnabled', OFF), protocols: STREAMS },
  { ...row('ppv2-pvl-eps-id-enabled', 'ProxyProtocolV2Config.Ppv2PrivateLinkEpsIdEnabled', OFF), protocols: STREAMS },
  { ...row('cps', 'Cps', { rule: number(0, 1_000_000), otherwise: '0' }), protocols: ALL },
  { ...row('cert-id', 'CertificateIds', { rule: CERTIFICATES }), protocols: TLS },
  { ...row('cacert', 'CaEnabled', OFF), protocols: TLS },
  { ...row('cacert-id', 'CaCertificateIds', { rule: CERTIFICATES, needs: ['CaEnabled', ['true']] }), protocols: TLS },
  {
    ...row('tls-cipher-policy', 'SecurityPolicyId', {
      rule: pattern(/^[\w-]{1,128}$/, 'the id of a security policy, such as tls_cipher_policy_1_2'),
      otherwise: 'tls_cipher_policy_1_0',
    }),
    protocols: TLS,
  },
  { ...row('alpn', 'AlpnEnabled', OFF), protocols: TLS },
  {
    ...row('alpn-policy', 'AlpnPolicy', {
      rule: words('HTTP1Only', 'HTTP2Only', 'HTTP2Optional', 'HTTP2Preferred'),
      needs: ['AlpnEnabled', ['true']],
    }),
    protocols: TLS,
  },
]

function row(suffix: string, parameter: string, rest: Omit<SettingRow, 'suffix' | 'parameter'>): SettingRow {
  return { suffix: `loadbalancer-${suffix}`, parameter, ...rest }
}

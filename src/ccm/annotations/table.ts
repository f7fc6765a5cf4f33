import type { SettingRow } from './setting-row.ts'
import { number, ON_OFF, pattern, type ValueRule, words } from './value-rule.ts'

export type ListenerProtocol = 'tcp' | 'udp' | 'http' | 'https'

export const PROTOCOLS: readonly ListenerProtocol[] = ['tcp', 'udp', 'http', 'https']
const LAYER4: readonly ListenerProtocol[] = ['tcp', 'udp']
const LAYER7: readonly ListenerProtocol[] = ['http', 'https']
const CHECKS_BY_HTTP: readonly ListenerProtocol[] = ['tcp', 'http', 'https']

/** An annotation of the instance. */
export interface InstanceRow {
  readonly suffix: string
  readonly rule: ValueRule
  /** What the instance gets when it is not set and the controller made the instance; `undefined`: the API's choice. */
  readonly otherwise?: string
}

/** An annotation that becomes a parameter of every listener whose protocol it fits. */
export interface ListenerRow extends SettingRow {
  readonly protocols: readonly ListenerProtocol[]
  /** ACK's controller sends `otherwise` when it makes a listener. */
  readonly isSent?: true
}

export const ID = pattern(/^[A-Za-z][\w-]{0,127}$/, 'an id of letters, digits, dashes and underscores')
const ZONE = pattern(/^[a-z][a-z0-9-]*$/, 'the id of a zone, such as cn-hangzhou-b')
const IPV4 = pattern(/^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/, 'an IPv4 address')
export const TAGS = pattern(
  /^[^=,]{1,64}(=[^,]{0,128})?(,[^=,]{1,64}(=[^,]{0,128})?)*$/,
  'a list key1=value1,key2=value2 with keys of at most 64 and values of at most 128 characters',
)
const HOSTNAME = pattern(
  /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/,
  'a DNS name in lower case',
)
const INSTANCE_NAME = pattern(
  /^[\p{L}][\p{L}\d._-]{0,79}$/u,
  '1 to 80 letters, digits, dots, underscores and dashes, a letter first',
)

export const SPECS = [
  'slb.s1.small',
  'slb.s2.small',
  'slb.s2.medium',
  'slb.s3.small',
  'slb.s3.medium',
  'slb.s3.large',
] as const

/** Annotations of the instance (ACK "Add annotations to the YAML file of a Service to configure CLB instances"). */
export const INSTANCE_ROWS = {
  addressType: { suffix: 'loadbalancer-address-type', rule: words('internet', 'intranet'), otherwise: 'internet' },
  id: { suffix: 'loadbalancer-id', rule: ID },
  name: { suffix: 'loadbalancer-name', rule: INSTANCE_NAME },
  spec: { suffix: 'loadbalancer-spec', rule: words(...SPECS) },
  instanceChargeType: { suffix: 'loadbalancer-instance-charge-type', rule: words('PayBySpec', 'PayByCLCU') },
  internetChargeType: {
    suffix: 'loadbalancer-charge-type',
    rule: words('paybytraffic', 'paybybandwidth'),
    otherwise: 'paybytraffic',
  },
  bandwidth: { suffix: 'loadbalancer-bandwidth', rule: number(1, 5_120) },
  vSwitchId: { suffix: 'loadbalancer-vswitch-id', rule: ID },
  networkType: { suffix: 'loadbalancer-network-type', rule: words('classic', 'vpc') },
  address: { suffix: 'loadbalancer-ip', rule: IPV4 },
  ipVersion: { suffix: 'loadbalancer-ip-version', rule: words('ipv4', 'ipv6'), otherwise: 'ipv4' },
  masterZoneId: { suffix: 'loadbalancer-master-zoneid', rule: ZONE },
  slaveZoneId: { suffix: 'loadbalancer-slave-zoneid', rule: ZONE },
  resourceGroupId: { suffix: 'loadbalancer-resource-group-id', rule: ID },
  deleteProtection: { suffix: 'loadbalancer-delete-protection', rule: ON_OFF, otherwise: 'on' },
  modificationProtection: {
    suffix: 'loadbalancer-modification-protection',
    rule: words('ConsoleProtection', 'NonProtection'),
    otherwise: 'ConsoleProtection',
  },
  tags: { suffix: 'loadbalancer-additional-resource-tags', rule: TAGS },
  externalIpType: { suffix: 'loadbalancer-external-ip-type', rule: words('eip') },
  hostname: { suffix: 'loadbalancer-hostname', rule: HOSTNAME },
  forceOverride: { suffix: 'loadbalancer-force-override-listeners', rule: words('true', 'false') },
  preserve: { suffix: 'loadbalancer-preserve-lb-on-delete', rule: pattern(/./, 'anything') },
} as const satisfies Record<string, InstanceRow>

export type InstanceKey = keyof typeof INSTANCE_ROWS

const GROUP_PORTS = pattern(
  /^[A-Za-z][\w-]*:\d{1,5}(,[A-Za-z][\w-]*:\d{1,5})*$/,
  'a list group:port such as rsp-aaa:443,rsp-bbb:80',
)
const LABELS = pattern(/^[^=,]+=[^=,]*(,[^=,]+=[^=,]*)*$/, 'a list label1=value1,label2=value2')

/** Annotations of backends. */
export const BACKEND_ROWS = {
  backendType: { suffix: 'backend-type', rule: words('eni', 'ecs') },
  backendLabel: { suffix: 'loadbalancer-backend-label', rule: LABELS },
  removeUnscheduled: { suffix: 'loadbalancer-remove-unscheduled-backend', rule: ON_OFF },
  backendIpVersion: { suffix: 'loadbalancer-backend-ip-version', rule: words('ipv4', 'ipv6') },
  groupPort: { suffix: 'loadbalancer-vgroup-port', rule: GROUP_PORTS },
  weight: { suffix: 'loadbalancer-weight', rule: number(0, 100) },
  defaultWeight: { suffix: 'loadbalancer-default-weight', rule: number(0, 100) },
  ignoreWeightUpdate: {
    suffix: 'loadbalancer-ignore-weight-update',
    rule: pattern(/^(on|off)$/i, 'one of on, off'),
  },
  gracefulShutdown: { suffix: 'loadbalancer-graceful-shutdown', rule: words('true', 'false') },
} as const satisfies Record<string, InstanceRow>

export type BackendKey = keyof typeof BACKEND_ROWS

const PROTOCOL_PORTS = pattern(
  /^(tcp|udp|http|https):\d{1,5}(,(tcp|udp|http|https):\d{1,5})*$/,
  'a list protocol:port such as https:443,http:80, with the protocols tcp, udp, http and https',
)
const FORWARDS = pattern(/^\d{1,5}:\d{1,5}(,\d{1,5}:\d{1,5})*$/, 'a list http-port:https-port such as 80:443')
const DOMAINS = pattern(
  /^[\w*.-]+:[\w-]+(,[\w*.-]+:[\w-]+)*$/,
  'a list domain:certificate such as www.example.com:123_abc',
)

/** Annotations of listeners that are more than one parameter. */
export const PORT_ROWS = {
  protocolPort: { suffix: 'loadbalancer-protocol-port', rule: PROTOCOL_PORTS },
  forwardPort: { suffix: 'loadbalancer-forward-port', rule: FORWARDS },
  domainExtensions: { suffix: 'loadbalancer-domain-extensions', rule: DOMAINS },
} as const satisfies Record<string, InstanceRow>

export type PortKey = keyof typeof PORT_ROWS

const CERTIFICATE = pattern(/^[\w-]{1,128}$/, 'the id of a server certificate')
const COOKIE = pattern(
  /^(?!\$)[\x21-\x2b\x2d-\x3a\x3c-\x7e]{1,200}$/,
  '1 to 200 characters without comma, semicolon and space, no $ first',
)
const URI = pattern(/^\/[A-Za-z0-9/.%?#&=_!~*'()$@^:,;+-]{0,79}$/, '1 to 80 characters of a path, / first')
const DOMAIN = pattern(/^(\$_ip|[A-Za-z0-9.-]{1,80})$/, '1 to 80 letters, digits, dots and dashes, or $_ip')
const ACL_IDS = pattern(/^[A-Za-z][\w-]*(,[A-Za-z][\w-]*)*$/, 'ids of access control lists, separated by commas')

const STICKY = ['StickySession', ['on']] as const
const CHECK_IS_ON = ['HealthCheck', ['on']] as const

/** Annotations of listeners, one parameter each. `HealthCheck` stands for `HealthCheckSwitch` on layer 4 too. */
export const LISTENER_ROWS: readonly ListenerRow[] = [
  row('scheduler', 'Scheduler', PROTOCOLS, {
    rule: words('wrr', 'rr', 'wlc', 'sch', 'tch', 'qch'),
    otherwise: 'rr',
    isSent: true,
  }),
  row('cert-id', 'ServerCertificateId', ['https'], { rule: CERTIFICATE }),
  row('tls-cipher-policy', 'TLSCipherPolicy', ['https'], {
    rule: words(
      'tls_cipher_policy_1_0',
      'tls_cipher_policy_1_1',
      'tls_cipher_policy_1_2',
      'tls_cipher_policy_1_2_strict',
      'tls_cipher_policy_1_2_strict_with_1_3',
    ),
    otherwise: 'tls_cipher_policy_1_0',
  }),
  row('http2-enabled', 'EnableHttp2', ['https'], { rule: ON_OFF, otherwise: 'on' }),
  row('persistence-timeout', 'PersistenceTimeout', ['tcp'], { rule: number(0, 3_600), otherwise: '0' }),
  row('established-timeout', 'EstablishedTimeout', ['tcp'], { rule: number(10, 900), otherwise: '900' }),
  row('idle-timeout', 'IdleTimeout', LAYER7, { rule: number(1, 60), otherwise: '15' }),
  row('request-timeout', 'RequestTimeout', LAYER7, { rule: number(1, 180), otherwise: '60' }),
  row('sticky-session', 'StickySession', LAYER7, { rule: ON_OFF, otherwise: 'off', isSent: true }),
  row('sticky-session-type', 'StickySessionType', LAYER7, { rule: words('insert', 'server'), needs: STICKY }),
  row('cookie-timeout', 'CookieTimeout', LAYER7, {
    rule: number(1, 86_400),
    needs: ['StickySessionType', ['insert']],
  }),
  row('cookie', 'Cookie', LAYER7, { rule: COOKIE, needs: ['StickySessionType', ['server']] }),
  row('acl-status', 'AclStatus', PROTOCOLS, { rule: ON_OFF, otherwise: 'off' }),
  row('acl-id', 'AclId', PROTOCOLS, { rule: ACL_IDS, needs: ['AclStatus', ['on']] }),
  row('acl-type', 'AclType', PROTOCOLS, { rule: words('white', 'black'), needs: ['AclStatus', ['on']] }),
  row('connection-drain', 'ConnectionDrain', LAYER4, { rule: ON_OFF, otherwise: 'off' }),
  row('connection-drain-timeout', 'ConnectionDrainTimeout', LAYER4, {
    rule: number(10, 900),
    needs: ['ConnectionDrain', ['on']],
  }),
  row('xforwardedfor-proto', 'XForwardedFor_proto', LAYER7, { rule: ON_OFF, otherwise: 'off' }),
  row('xforwardedfor-slbport', 'XForwardedFor_SLBPORT', LAYER7, { rule: ON_OFF, otherwise: 'off' }),
  row('xforwardedfor-clientsrcport', 'XForwardedFor_ClientSrcPort', LAYER7, { rule: ON_OFF, otherwise: 'off' }),
  row('proxy-protocol', 'ProxyProtocolV2Enabled', LAYER4, { rule: ON_OFF, otherwise: 'off' }),
  row('health-check-flag', 'HealthCheck', LAYER7, { rule: ON_OFF, otherwise: 'off', isSent: true }),
  row('health-check-switch', 'HealthCheck', LAYER4, { rule: ON_OFF, otherwise: 'on' }),
  row('health-check-type', 'HealthCheckType', ['tcp'], {
    rule: words('tcp', 'http'),
    otherwise: 'tcp',
    needs: CHECK_IS_ON,
  }),
  row('health-check-uri', 'HealthCheckURI', CHECKS_BY_HTTP, { rule: URI, otherwise: '/', needs: CHECK_IS_ON }),
  row('health-check-domain', 'HealthCheckDomain', CHECKS_BY_HTTP, {
    rule: DOMAIN,
    otherwise: '$_ip',
    needs: CHECK_IS_ON,
  }),
  row('health-check-httpcode', 'HealthCheckHttpCode', CHECKS_BY_HTTP, {
    rule: { kind: 'list', words: ['http_2xx', 'http_3xx', 'http_4xx', 'http_5xx'] },
    otherwise: 'http_2xx',
    needs: CHECK_IS_ON,
  }),
  row('health-check-method', 'HealthCheckMethod', LAYER7, {
    rule: words('head', 'get'),
    otherwise: 'head',
    needs: CHECK_IS_ON,
  }),
  row('health-check-connect-port', 'HealthCheckConnectPort', PROTOCOLS, {
    rule: number(1, 65_535, '-520'),
    otherwise: '-520',
    needs: CHECK_IS_ON,
  }),
  row('healthy-threshold', 'HealthyThreshold', PROTOCOLS, {
    rule: number(2, 10),
    otherwise: '3',
    needs: CHECK_IS_ON,
  }),
  row('unhealthy-threshold', 'UnhealthyThreshold', PROTOCOLS, {
    rule: number(2, 10),
    otherwise: '3',
    needs: CHECK_IS_ON,
  }),
  row('health-check-interval', 'HealthCheckInterval', ['tcp', 'http', 'https'], {
    rule: number(1, 50),
    otherwise: '2',
    needs: CHECK_IS_ON,
  }),
  row('health-check-interval', 'HealthCheckInterval', ['udp'], {
    rule: number(1, 50),
    otherwise: '5',
    needs: CHECK_IS_ON,
  }),
  row('health-check-connect-timeout', 'HealthCheckConnectTimeout', ['tcp'], {
    rule: number(1, 300),
    otherwise: '5',
    needs: CHECK_IS_ON,
  }),
  row('health-check-connect-timeout', 'HealthCheckConnectTimeout', ['udp'], {
    rule: number(1, 300),
    otherwise: '10',
    needs: CHECK_IS_ON,
  }),
  row('health-check-timeout', 'HealthCheckTimeout', LAYER7, {
    rule: number(1, 300),
    otherwise: '5',
    needs: CHECK_IS_ON,
  }),
]

function row(
  suffix: string,
  parameter: string,
  protocols: readonly ListenerProtocol[],
  rest: Omit<ListenerRow, 'suffix' | 'parameter' | 'protocols'>,
): ListenerRow {
  return { suffix: `loadbalancer-${suffix}`, parameter, protocols, ...rest }
}

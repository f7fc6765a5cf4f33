import { missing } from '../openapi/parameters.ts'
import type { Call } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'
import { requireCertificate, requireServerGroup } from './find.ts'
import type { AlpnPolicy, Listener, NetworkLoadBalancer, Protocol, ServerGroup, TlsListenerSettings } from './model.ts'
import { requireServersOf } from './server-group-actions.ts'

type Settings = Pick<
  Listener,
  'description' | 'serverGroupId' | 'idleTimeout' | 'proxyProtocol' | 'cps' | 'mss' | 'tls'
>

/** What a listener is made or changed from. */
export interface ListenerRequest extends Pick<Call, 'parameters' | 'transaction'> {
  readonly loadBalancer: NetworkLoadBalancer
  readonly protocol: Protocol
  readonly place: Pick<Listener, 'port' | 'range'>
  /** The listener as it is; `undefined` when it is made. */
  readonly before?: Listener
}

const DESCRIPTION = {
  pattern: /^[\p{L}\d,.;/@_ -]{2,256}$/u,
  wanted: '2 to 256 letters, digits and , . ; / @ _ -',
}
const POLICIES = [
  'tls_cipher_policy_1_0',
  'tls_cipher_policy_1_1',
  'tls_cipher_policy_1_2',
  'tls_cipher_policy_1_2_strict',
  'tls_cipher_policy_1_2_strict_with_1_3',
] as const
/** What listeners here do not do, with the parameter that asks for it. */
const NOT_OFFERED = {
  CaEnabled: 'authentication of clients by certificate',
  SecSensorEnabled: 'monitoring by the second',
  'ProxyProtocolV2Config.Ppv2VpcIdEnabled': "the VPC's id in the Proxy Protocol",
  'ProxyProtocolV2Config.Ppv2PrivateLinkEpIdEnabled': "the endpoint's id in the Proxy Protocol",
  'ProxyProtocolV2Config.Ppv2PrivateLinkEpsIdEnabled': "the endpoint service's id in the Proxy Protocol",
} as const
const IDLE = {
  TCP: { min: 10, max: 900, standard: 900 },
  TCPSSL: { min: 10, max: 900, standard: 900 },
  UDP: { min: 10, max: 20, standard: 20 },
} as const satisfies Record<Protocol, object>

/** Everything about a listener but its place and state; what is not asked for stays. @throws Refusal */
export function listenerSettings(request: ListenerRequest): Settings {
  const { parameters, protocol, before } = request
  for (const [name, what] of Object.entries(NOT_OFFERED)) {
    if (parameters.boolean(name) !== true) continue
    throw new Refusal(`IllegalParam.${name.split('.').at(-1)}`, `Listeners do not offer ${what}: give ${name}=false.`)
  }
  const { min, max, standard } = IDLE[protocol]
  const tls = protocol === 'TCPSSL' ? tlsOf(request) : undefined
  return {
    description: parameters.string('ListenerDescription', DESCRIPTION) ?? before?.description ?? '',
    serverGroupId: groupOf(request).id,
    idleTimeout: parameters.integer('IdleTimeout', { min, max }) ?? before?.idleTimeout ?? standard,
    proxyProtocol: proxyProtocolOf(request),
    cps: parameters.integer('Cps', { min: 0, max: 1_000_000 }) ?? before?.cps ?? 0,
    mss: mssOf(request),
    ...(tls === undefined ? {} : { tls }),
  }
}

function proxyProtocolOf({ parameters, protocol, place, before }: ListenerRequest): boolean {
  const on = parameters.boolean('ProxyProtocolEnabled') ?? before?.proxyProtocol ?? false
  if (on && place.range !== undefined) {
    throw new Refusal(
      'IllegalParam.ProxyProtocolEnabled',
      'A listener for many ports does not speak the Proxy Protocol: servers see the client itself.',
    )
  }
  if (!on || protocol !== 'UDP') return on
  throw new Refusal(
    'IllegalParam.ProxyProtocolEnabled',
    'A UDP listener does not speak the Proxy Protocol: servers see the client itself.',
  )
}

function mssOf({ parameters, protocol, before }: ListenerRequest): number {
  const mss = parameters.integer('Mss', { min: 0, max: 1_500 }) ?? before?.mss ?? 0
  if (mss === 0 || protocol !== 'UDP') return mss
  throw new Refusal('IllegalParam.MssConflictWithUdpAndGeneve', `A UDP listener has no Mss: ${mss} was given.`)
}

/** @throws Refusal `Mismatch.Protocol`, `Mismatch.VpcId`, `IllegalParam.PreserveClientIpSwitch` */
function groupOf({ parameters, transaction, loadBalancer, protocol, place, before }: ListenerRequest): ServerGroup {
  const id = parameters.string('ServerGroupId') ?? before?.serverGroupId ?? missing('ServerGroupId')
  const group = requireServerGroup(transaction, id)
  const taken = { TCP: ['TCP', 'TCP_UDP'], UDP: ['UDP', 'TCP_UDP'], TCPSSL: ['TCP'] }[protocol]
  if (!taken.includes(group.protocol)) {
    throw new Refusal(
      'Mismatch.Protocol',
      `The group ${id} is of the Protocol ${group.protocol}: a ${protocol} listener takes ${taken.join(' or ')}.`,
    )
  }
  if (protocol === 'TCPSSL' && group.preserveClientIp) {
    throw new Refusal(
      'IllegalParam.PreserveClientIpSwitch',
      `The group ${id} preserves the client's address, which a TCPSSL listener cannot: set PreserveClientIpEnabled=false.`,
    )
  }
  if ((group.anyPort === true) !== (place.range !== undefined)) {
    throw new Refusal(
      'IllegalParam.AnyPortEnabled',
      place.range === undefined
        ? `The group ${id} forwards any port: it is for listeners with ListenerPort=0, a StartPort and an EndPort.`
        : `The group ${id} does not forward any port: a listener for many needs one with AnyPortEnabled=true.`,
    )
  }
  if (group.vpcId !== loadBalancer.vpcId) {
    throw new Refusal('Mismatch.VpcId', `The group ${id} is in ${group.vpcId}, the instance in ${loadBalancer.vpcId}.`)
  }
  requireServersOf(transaction, loadBalancer.id, group)
  return group
}

function tlsOf({ parameters, transaction, before }: ListenerRequest): TlsListenerSettings {
  const ids = parameters.list('CertificateIds')
  if (ids.length > 1) {
    throw new Refusal('IllegalParamSize.certificateIds', `CertificateIds has ${ids.length} entries: give one.`)
  }
  const certificateId = ids[0] ?? before?.tls?.certificateId
  if (certificateId === undefined) throw new Refusal('MissingParam.Certificate', 'The param of certificate is missing.')
  requireCertificate(transaction, certificateId)
  const alpnPolicy = alpnOf(parameters, before?.tls?.alpnPolicy)
  return {
    certificateId,
    ...(alpnPolicy === undefined ? {} : { alpnPolicy }),
    securityPolicyId:
      parameters.oneOf('SecurityPolicyId', POLICIES) ?? before?.tls?.securityPolicyId ?? 'tls_cipher_policy_1_0',
    additionalCertificateIds: before?.tls?.additionalCertificateIds ?? [],
  }
}

function alpnOf(parameters: Call['parameters'], before: AlpnPolicy | undefined): AlpnPolicy | undefined {
  const on = parameters.boolean('AlpnEnabled') ?? before !== undefined
  const policy = parameters.oneOf('AlpnPolicy', ['HTTP1Only', 'HTTP2Only', 'HTTP2Optional', 'HTTP2Preferred'])
  return on ? (policy ?? before ?? missing('AlpnPolicy')) : undefined
}

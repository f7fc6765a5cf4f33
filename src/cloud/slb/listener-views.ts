import type { Action, Call } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'
import { pageByToken } from '../resource/page.ts'
import type { ChangedSince } from '../state/unfollowed.ts'
import { findListener, listenersOf, requireLoadBalancer } from './find.ts'
import {
  type HealthCheck,
  type Layer7Settings,
  LISTENERS,
  type Listener,
  type ListenerProtocol,
  listenerKey,
  type StickySession,
} from './model.ts'

const PROTOCOLS = ['tcp', 'udp', 'http', 'https'] as const

/** Reading listeners. Those that ask for one listener see what packets do not follow yet, too. */
export function listenerViews(since: ChangedSince): readonly (readonly [string, Action])[] {
  return [
    ['DescribeLoadBalancerListeners', describeLoadBalancerListeners],
    ...PROTOCOLS.map(
      (protocol) =>
        [
          `DescribeLoadBalancer${protocol.toUpperCase()}ListenerAttribute`,
          (call: Call) => describeAttribute(call, protocol, since),
        ] as const,
    ),
  ]
}

/** The list nests each listener's settings under the name of its protocol. */
function describeLoadBalancerListeners({ parameters, transaction }: Call): object {
  const ids = parameters.list('LoadBalancerId')
  const protocol = parameters.string('ListenerProtocol')
  for (const id of ids) requireLoadBalancer(transaction, id)
  const instances = ids.length > 0 ? ids : oneInstance(parameters.string('LoadBalancerId'))
  const listeners = instances
    .flatMap((id) => listenersOf(transaction, id))
    .filter((listener) => protocol === undefined || listener.protocol === protocol)
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  const { items, ...page } = pageByToken(listeners, parameters, { keyOf })
  const Listeners = items.map((listener) => ({
    LoadBalancerId: listener.loadBalancerId,
    ListenerProtocol: listener.protocol,
    ...common(listener),
    [`${listener.protocol.toUpperCase()}ListenerConfig`]: settings(listener),
  }))
  return { Listeners, ...page }
}

function oneInstance(id: string | undefined): string[] {
  if (id !== undefined) return [id]
  throw new Refusal('MissingLoadBalancerId', 'LoadBalancerId is mandatory for this action.')
}

function keyOf({ loadBalancerId, port, protocol }: Listener): string {
  return `${loadBalancerId}/${String(port).padStart(5, '0')}/${protocol}`
}

function describeAttribute({ parameters, transaction }: Call, protocol: ListenerProtocol, since: ChangedSince): object {
  const loadBalancerId = requireLoadBalancer(transaction, parameters.required('LoadBalancerId')).id
  const port = parameters.requiredInteger('ListenerPort', { min: 1, max: 65_535 })
  const listener = findListener(transaction, { loadBalancerId, port, protocol })
  if (listener === undefined) {
    throw new Refusal(
      'InvalidParameter.ListenerNotFound',
      `The specified listener ${protocol}:${port} of ${loadBalancerId} does not exist.`,
      404,
    )
  }
  const isFollowed = since(LISTENERS, listenerKey(loadBalancerId, protocol, port)) === undefined
  const Status = isFollowed || listener.status === 'stopped' ? listener.status : 'configuring'
  return { LoadBalancerId: loadBalancerId, ...common(listener), Status, ...settings(listener) }
}

function common(listener: Listener): object {
  return {
    ListenerPort: listener.port,
    Status: listener.status,
    Description: listener.description,
    Bandwidth: listener.bandwidth,
    Scheduler: listener.scheduler,
    VServerGroupId: listener.vServerGroupId ?? '',
    ...(listener.backendServerPort === undefined ? {} : { BackendServerPort: listener.backendServerPort }),
    AclStatus: listener.acl === undefined ? 'off' : 'on',
    AclType: listener.acl?.type ?? '',
    AclId: listener.acl?.ids.join(',') ?? '',
    AclIds: listener.acl?.ids ?? [],
  }
}

function settings(listener: Listener): object {
  const { layer4, layer7 } = listener
  const on = listener.healthCheck.type === 'off' ? 'off' : 'on'
  return {
    // Clients read the switch under either name.
    HealthCheck: on,
    HealthCheckSwitch: on,
    ...healthCheck(listener.healthCheck, layer7 !== undefined),
    ...(layer4 === undefined
      ? {}
      : {
          PersistenceTimeout: layer4.persistenceTimeout,
          EstablishedTimeout: layer4.establishedTimeout,
          ConnectionDrain: layer4.connectionDrainTimeout === undefined ? 'off' : 'on',
          ConnectionDrainTimeout: layer4.connectionDrainTimeout ?? 0,
          ProxyProtocolV2Enabled: String(layer4.proxyProtocolV2),
        }),
    ...(layer7 === undefined ? {} : layer7View(layer7)),
  }
}

function healthCheck(check: HealthCheck, isLayer7: boolean): object {
  if (check.type === 'off') return {}
  return {
    HealthCheckType: check.type,
    HealthCheckConnectPort: check.connectPort ?? -520,
    HealthCheckInterval: check.interval,
    [isLayer7 ? 'HealthCheckTimeout' : 'HealthCheckConnectTimeout']: check.timeout,
    HealthyThreshold: check.healthyThreshold,
    UnhealthyThreshold: check.unhealthyThreshold,
    ...(check.http === undefined
      ? {}
      : {
          HealthCheckMethod: check.http.method,
          HealthCheckURI: check.http.uri,
          HealthCheckDomain: check.http.domain ?? '',
          HealthCheckHttpCode: check.http.codes.join(','),
        }),
    ...(check.udp === undefined ? {} : { HealthCheckReq: check.udp.request, HealthCheckExp: check.udp.expected }),
  }
}

function layer7View(layer7: Layer7Settings): object {
  const { forwardedFor, tls } = layer7
  return {
    ...stickySession(layer7.stickySession),
    IdleTimeout: layer7.idleTimeout,
    RequestTimeout: layer7.requestTimeout,
    Gzip: onOff(layer7.gzip),
    XForwardedFor: 'on',
    XForwardedFor_proto: onOff(forwardedFor.proto),
    XForwardedFor_SLBPORT: onOff(forwardedFor.slbPort),
    XForwardedFor_SLBIP: onOff(forwardedFor.slbIp),
    XForwardedFor_SLBID: onOff(forwardedFor.slbId),
    XForwardedFor_ClientSrcPort: onOff(forwardedFor.clientSrcPort),
    ListenerForward: onOff(layer7.forwardPort !== undefined),
    ...(layer7.forwardPort === undefined ? {} : { ForwardPort: layer7.forwardPort }),
    ...(tls === undefined
      ? {}
      : {
          ServerCertificateId: tls.certificateId,
          EnableHttp2: onOff(tls.http2),
          TLSCipherPolicy: tls.cipherPolicy,
          DomainExtensions: {
            DomainExtension: tls.domainExtensions.map(({ id, domain, certificateId }) => ({
              DomainExtensionId: id,
              Domain: domain,
              ServerCertificateId: certificateId,
            })),
          },
        }),
  }
}

function stickySession(session: StickySession): object {
  if (session.type === 'off') return { StickySession: 'off' }
  const rest = session.type === 'insert' ? { CookieTimeout: session.timeout } : { Cookie: session.cookie }
  return { StickySession: 'on', StickySessionType: session.type, ...rest }
}

function onOff(value: boolean): 'on' | 'off' {
  return value ? 'on' : 'off'
}

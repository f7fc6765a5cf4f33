/** Who carries a listener's traffic. Pure. */
import { addressFamily } from '../../base/ip.ts'
import type { Layer4Listener } from './layer4/compile-layer4.ts'
import type { BackendPlan, ListenerPlan } from './plan.ts'

export type Carrier =
  | { readonly kind: 'kernel'; readonly family: 'ip' | 'ip6'; readonly protocol: 'tcp' | 'udp' }
  | { readonly kind: 'haproxy' }
  /** Nobody can: one sentence. */
  | { readonly kind: 'none'; readonly reason: string }

/**
 * The kernel carries TCP and UDP and keeps the client's address; HAProxy carries what must be read or written, and TCP
 * between the address families.
 */
export function carrierOf(listener: ListenerPlan): Carrier {
  const { key, lastPort } = listener
  const carrier = carrierOfOne(listener)
  if (carrier.kind === 'haproxy' && lastPort !== undefined) return none(key, 'a range of ports in HAProxy')
  return carrier
}

function carrierOfOne(listener: ListenerPlan): Carrier {
  const { protocol, layer4, layer7, key } = listener
  if (protocol === 'http') return { kind: 'haproxy' }
  if (protocol === 'https' || protocol === 'tcpssl') {
    if (layer7?.tls !== undefined && layer7.certificates !== undefined) return { kind: 'haproxy' }
    return { kind: 'none', reason: `Listener ${key} has no certificate, wanted is one for TLS` }
  }
  const mixed = listener.backends.some(({ address }) => addressFamily(address) !== addressFamily(listener.address))
  if (protocol === 'udp') {
    if (layer4?.proxyProtocolV2) return none(key, 'the Proxy Protocol over UDP')
    if (mixed) return none(key, 'UDP from one address family to the other')
  } else if (layer4?.proxyProtocolV2 || listener.hidesClient || mixed) return { kind: 'haproxy' }
  // Least connections: nobody counts them in the kernel.
  if (listener.scheduler === 'wlc') return none(key, 'scheduler wlc in layer 4')
  return { kind: 'kernel', family: addressFamily(listener.address) === 6 ? 'ip6' : 'ip', protocol }
}

function none(key: string, what: string): Carrier {
  return { kind: 'none', reason: `Listener ${key} wants ${what}, which is not carried` }
}

/** A listener as the kernel takes it, with those backends that may get connections. */
export function kernelListener(
  listener: ListenerPlan,
  protocol: 'tcp' | 'udp',
  serving: readonly BackendPlan[],
): Layer4Listener {
  const { key, address, port, lastPort, scheduler, acl, layer4 } = listener
  const pick = scheduler === 'sch' || scheduler === 'tch' || scheduler === 'qch' ? scheduler : 'rr'
  return {
    key,
    address,
    port,
    ...(lastPort === undefined ? {} : { lastPort }),
    protocol,
    // A TCP packet has no QUIC id.
    pick: pick === 'qch' && protocol === 'tcp' ? 'tch' : pick,
    persistence: layer4?.persistenceTimeout ?? 0,
    ...(protocol === 'tcp' && layer4 !== undefined ? { establishedTimeout: layer4.establishedTimeout } : {}),
    ...(acl === undefined ? {} : { acl }),
    // Equal weights are turns in order; of hashes the weights count as well.
    backends: serving.map((backend) => (scheduler === 'rr' ? { ...backend, weight: 1 } : backend)),
  }
}

import type { ServiceAnnotations } from '../annotations/service-annotations.ts'
import { onlyNeeded, type Values, valuesOf } from '../annotations/setting-row.ts'
import { LISTENER_ROWS, type ListenerProtocol, type ListenerRow } from '../annotations/table.ts'
import type { DomainExtension } from '../model.ts'
import { type ListenerPort, pairs } from './ports.ts'

export interface ListenerSettings {
  readonly settings: Readonly<Record<string, string>>
  readonly initial: Readonly<Record<string, string>>
}

/** Parameters that every listener has but those of HTTP: no cap of its own. */
const UNCAPPED: readonly ListenerProtocol[] = ['tcp', 'udp', 'https']

/** A redirecting listener answers by itself: nothing else about it counts. */
const REDIRECTING = { StickySession: 'off', HealthCheck: 'off' }

/**
 * The parameters of a listener. An annotation that is not set stands for the API's default; in ACK's own way only for
 * what its controller sends when it makes a listener, and later for what it is.
 */
export function listenerSettings(
  { protocol, forwardTo }: Pick<ListenerPort, 'protocol' | 'forwardTo'>,
  { listener }: ServiceAnnotations,
  { compat }: { readonly compat: boolean },
): ListenerSettings {
  if (forwardTo !== undefined) {
    return { settings: { ListenerForward: 'on', ForwardPort: String(forwardTo) }, initial: REDIRECTING }
  }
  const rows = LISTENER_ROWS.filter(({ protocols }) => protocols.includes(protocol))
  const cap = UNCAPPED.includes(protocol) ? { Bandwidth: '-1' } : {}
  const set = valuesOf(rows, ({ suffix }) => listener[suffix])
  const all = fitting(rows, { ...valuesOf(rows, ({ otherwise }) => otherwise), ...set }, protocol)
  if (!compat) return { settings: { ...cap, ...all }, initial: {} }
  const sent = valuesOf(rows, ({ isSent, otherwise }) => (isSent === true ? otherwise : undefined))
  const chosen = Object.fromEntries(Object.entries(all).filter(([name]) => set[name] !== undefined))
  return { settings: chosen, initial: { ...cap, ...fitting(rows, { ...sent, ...set }, protocol) } }
}

/** A TCP listener that does not check by HTTP has no words for it. */
function fitting(rows: readonly ListenerRow[], values: Values, protocol: ListenerProtocol): Values {
  const result = onlyNeeded(rows, values)
  if (protocol === 'tcp' && result.HealthCheckType !== 'http') {
    for (const name of ['HealthCheckURI', 'HealthCheckDomain', 'HealthCheckHttpCode']) delete result[name]
  }
  return result
}

/** Further certificates of an HTTPS listener; `undefined` when nobody asks to look after them. */
export function domainExtensions(
  protocol: ListenerProtocol,
  { port, hasDomainExtensions }: ServiceAnnotations,
): readonly DomainExtension[] | undefined {
  if (protocol !== 'https' || !hasDomainExtensions) return undefined
  return pairs(port.domainExtensions).map(([domain, certificateId]) => ({ domain, certificateId }))
}

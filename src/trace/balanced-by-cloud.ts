/** What a listener does with a connection, from what the cloud has: who may come, who gets it, what HAProxy adds. */
import { hostPort } from '../base/ip.ts'
import { SECURITY_GROUP_LABEL, sourceRangesAclName } from '../ccm/names.ts'
import { carrierOf, kernelListener } from '../cloud/load-balancer/carrier.ts'
import type { BackendPlan, ListenerPlan } from '../cloud/load-balancer/plan.ts'
import { refOf } from '../controllers/service-diagnosis/cause.ts'
import { list, noEndpoints } from '../controllers/service-diagnosis/diagnose-service.ts'
import type { Service, ServicePort } from '../kube/types/core.ts'
import type { KnownListener } from './cloud-facts.ts'
import type { Cause, Flow, Hop } from './hop.ts'
import { within } from './proxy-model.ts'
import { groupRef, ruleText } from './security-model.ts'
import { type Atlas, nameOf } from './world.ts'

/** What becomes of a connection at a load balancer. */
export interface Balanced {
  readonly hop: Extract<Hop, { kind: 'balance' }>
  readonly because: string
  /** `Service default/web` or `lb-…` */
  readonly whose: string
  readonly backends: readonly { readonly address: string; readonly port: number; readonly share: number }[]
  readonly affinitySeconds?: number
  /** HAProxy is between. */
  readonly proxy?: { readonly does: string; readonly headers: readonly string[] }
  /** The load balancer answers itself. */
  readonly answers?: true
  /** Why this client is not let in. */
  readonly refused?: { readonly kind: 'dropped' | 'refused'; readonly cause: Cause }
  /** Why there is no backend. */
  readonly nobody?: Cause
}

interface Scene {
  /** The Service port that asks for the listener. */
  readonly via: { readonly service: Service; readonly port: ServicePort } | undefined
  readonly atlas: Atlas
}

export function balancedByCloud(known: KnownListener, flow: Flow, { via, atlas }: Scene): Balanced {
  const { plan, loadBalancer } = known
  const carrier = carrierOf(plan)
  const weighted = weightedBackends(plan, servingOf(known))
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0)
  const idle = idleOf(known)
  const hop: Balanced['hop'] = {
    kind: 'balance',
    place: { kind: 'vpc' },
    object: via === undefined ? { kind: 'LoadBalancer', name: loadBalancer } : refOf(via.service, 'Service'),
    listener: `${hostPort(plan.address, plan.port)}${plan.lastPort === undefined ? '' : `-${plan.lastPort}`}/${plan.protocol}`,
    scheduler: plan.scheduler,
    carrier: carrier.kind === 'haproxy' ? 'haproxy' : 'kernel',
    loadBalancer,
    ...(idle.length === 0 ? {} : { idle }),
  }
  const whose = via === undefined ? loadBalancer : `Service ${nameOf(via.service)}`
  // Who has no port of its own is called at the one that the client called.
  const backends = weighted.map(({ address, port, weight }) => ({
    address,
    port: port || flow.port,
    share: weight / total,
  }))
  const base = { hop, because: becauseOf(plan), whose, backends, ...stickinessOf(plan, carrier.kind) }
  if (carrier.kind === 'none') {
    const cause: Cause = { code: 'not-carried', sentence: carrier.reason, object: hop.object }
    return { ...base, refused: { kind: 'dropped', cause } }
  }
  const stranger = refusedClient(known, flow.source, { via, atlas })
  if (stranger !== undefined) {
    // HAProxy hears of a connection when it stands already.
    if (carrier.kind === 'kernel') return { ...base, refused: { kind: 'dropped', cause: stranger } }
    const proxy = { does: 'closes the connection at once', headers: [] }
    return { ...base, proxy, refused: { kind: 'refused', cause: stranger } }
  }
  const redirect = plan.layer7?.forwardPort
  if (carrier.kind === 'haproxy' && redirect !== undefined) {
    const does = `answers with a redirect (301) to https on port ${redirect}`
    return { ...base, proxy: { does, headers: [] }, answers: true }
  }
  const nobody = backends.length > 0 ? {} : { nobody: noBackend(known, { via, atlas }) }
  if (carrier.kind === 'kernel') return { ...base, ...nobody }
  return { ...base, ...nobody, proxy: proxied(plan, flow) }
}

function servingOf({ plan, unhealthy }: KnownListener): readonly BackendPlan[] {
  return plan.backends.filter(({ key, weight }) => weight > 0 && !unhealthy.has(key))
}

/** Turns, as the kernel's slots and HAProxy's servers have them. */
function weightedBackends(plan: ListenerPlan, serving: readonly BackendPlan[]): readonly Omit<BackendPlan, 'key'>[] {
  const carrier = carrierOf(plan)
  if (carrier.kind === 'kernel') return kernelListener(plan, carrier.protocol, serving).backends
  return serving.map((backend) => ({ ...backend, weight: plan.scheduler === 'wrr' ? Math.max(1, backend.weight) : 1 }))
}

function idleOf({ plan, unhealthy }: KnownListener): NonNullable<Balanced['hop']['idle']> {
  return plan.backends.flatMap(({ key, address, port, weight }): NonNullable<Balanced['hop']['idle']> => {
    const endpoint = hostPort(address, port)
    if (unhealthy.has(key)) return [{ endpoint, why: 'unhealthy' }]
    return weight === 0 ? [{ endpoint, why: 'weight 0' }] : []
  })
}

const HASHES: Readonly<Record<string, string>> = {
  sch: "by the client's address",
  tch: "by the connection's addresses and ports",
  qch: "by the QUIC connection's id",
}

function becauseOf({ scheduler, layer7 }: ListenerPlan): string {
  const how = HASHES[scheduler]
  const cookie = cookieOf(layer7)
  const words = [`scheduler ${scheduler}${how === undefined ? '' : `, ${how}`}`]
  if (cookie !== undefined) words.push(`whoever brings cookie ${cookie} stays with its backend`)
  return words.join('; ')
}

function cookieOf(layer7: ListenerPlan['layer7']): string | undefined {
  const sticky = layer7?.stickySession
  if (sticky === undefined || sticky.type === 'off') return undefined
  return sticky.type === 'insert' ? 'SERVERID' : sticky.cookie
}

function stickinessOf({ layer4, layer7 }: ListenerPlan, carrier: string): { affinitySeconds?: number } {
  const seconds = layer4?.persistenceTimeout ?? 0
  if (seconds > 0) return { affinitySeconds: seconds }
  const sticky = layer7?.stickySession
  return carrier === 'haproxy' && sticky?.type === 'insert' ? { affinitySeconds: sticky.timeout } : {}
}

/** HAProxy's part: what backends hear of the client. */
function proxied(plan: ListenerPlan, { source }: Flow): NonNullable<Balanced['proxy']> {
  const { protocol, layer4, layer7, port, address, key } = plan
  const does = 'sends on by a connection of its own'
  if (layer7 === undefined || protocol === 'tcpssl' || protocol === 'tcp') {
    const tells = layer4?.proxyProtocolV2 === true ? `, told of ${source} by the Proxy Protocol` : ''
    return { does: `${does}${tells}`, headers: [] }
  }
  const { forwardedFor } = layer7
  const headers = [
    `X-Forwarded-For: ${source}`,
    ...(forwardedFor.proto ? [`X-Forwarded-Proto: ${protocol}`] : []),
    ...(forwardedFor.slbPort ? [`X-Forwarded-Port: ${port}`] : []),
    ...(forwardedFor.slbIp ? [`SLB-IP: ${address}`] : []),
    ...(forwardedFor.slbId ? [`SLB-ID: ${key.split('/')[0]}`] : []),
  ]
  return { does, headers }
}

const ACL_FIELD = 'metadata.annotations[service.beta.kubernetes.io/alibaba-cloud-loadbalancer-acl-id]'

const RANGES_FIELD = 'spec.loadBalancerSourceRanges'

/** Whether the list is the one that the cloud controller makes of a Service's source ranges. */
function isOfRanges(service: Service, lists: KnownListener['lists']): boolean {
  const ranges = service.spec.loadBalancerSourceRanges ?? []
  return ranges.length > 0 && lists.some(({ name }) => name === sourceRangesAclName(service))
}

/** Why a list or a group does not let a client in. */
function refusedClient(known: KnownListener, source: string, { via }: Scene): Cause | undefined {
  const { plan, lists, loadBalancer } = known
  const { acl } = plan
  if (acl === undefined || within(source, acl.cidrs) === (acl.type === 'white')) return undefined
  if (known.securityGroups.length > 0) return refusedByGroups(known, source, via?.service)
  const [object, field] =
    via === undefined
      ? [{ kind: 'LoadBalancer', name: loadBalancer }, 'AclIds']
      : [refOf(via.service, 'Service'), isOfRanges(via.service, lists) ? RANGES_FIELD : ACL_FIELD]
  const whose = via === undefined ? loadBalancer : `${loadBalancer} of Service ${nameOf(via.service)}`
  const names = lists.map(({ id, name }) => (name === '' ? id : `${id} (${name})`)).join(', ')
  if (acl.type === 'white') {
    const has = list(lists.flatMap(({ entries }) => entries.map(({ cidr }) => cidr)))
    const sentence = `load balancer ${whose} lets in only who is on white list ${names}, which has ${has} and not ${source}`
    const mend = field === RANGES_FIELD ? `add ${source} to them` : `add ${source} to the list`
    return { code: 'access-list', sentence, object, field, mend }
  }
  const hit = lists
    .flatMap(({ id, entries }) => entries.map(({ cidr }) => ({ id, cidr })))
    .find(({ cidr }) => within(source, [cidr]))
  const sentence = `load balancer ${whose} lets in nobody who is on black list ${names}, which has ${source} in entry ${hit?.cidr} of ${hit?.id}`
  return { code: 'access-list', sentence, object, field, mend: `remove the entry ${hit?.cidr}` }
}

/** Security groups of a Network Load Balancer. */
function refusedByGroups(
  { plan, loadBalancer, securityGroups }: KnownListener,
  source: string,
  service: Service | undefined,
): Cause {
  const names = securityGroups.map(({ id }) => id).join(', ')
  const drop = securityGroups
    .flatMap(({ rules }) => rules)
    .find(
      ({ direction, policy, cidr }) =>
        direction === 'ingress' && policy === 'drop' && cidr !== undefined && within(source, [cidr]),
    )
  const why = drop === undefined ? 'no rule accepts it' : ruleText(drop)
  const sentence = `security group ${names} of load balancer ${loadBalancer} does not let ${source} in to port ${plan.port}: ${why}`
  // The controller makes a group of a Service's source ranges, and makes it again when somebody changes it.
  const made = service?.metadata.labels?.[SECURITY_GROUP_LABEL]
  const ranges = service?.spec.loadBalancerSourceRanges ?? []
  if (service !== undefined && ranges.length > 0 && securityGroups.some(({ id }) => id === made)) {
    const mend = `add ${source} to them`
    return { code: 'security-group', sentence, object: refOf(service, 'Service'), field: RANGES_FIELD, mend }
  }
  const [first] = securityGroups
  const object = first === undefined ? {} : { object: groupRef(first) }
  return { code: 'security-group', sentence, ...object, field: 'Permissions', mend: 'add a rule that accepts it' }
}

/** Why a listener has no backend that serves. */
function noBackend(known: KnownListener, { via, atlas }: Scene): Cause {
  const idle = idleOf(known)
  if (idle.length === 0 && via !== undefined) return noEndpoints(via.service, via.port, atlas.objects.pods)
  const { loadBalancer, plan } = known
  const each = list(idle.map(({ endpoint, why }) => `${endpoint} (${why})`))
  const has = idle.length === 0 ? 'has no backends' : `has no backend that serves: ${each}`
  const sentence = `listener ${plan.port}/${plan.protocol} of load balancer ${loadBalancer} ${has}`
  const object = via === undefined ? { kind: 'LoadBalancer', name: loadBalancer } : refOf(via.service, 'Service')
  return { code: 'no-backend', sentence, object, mend: 'see its health checks and weights' }
}

/** What the node proxy does with a packet, told from its own plan ({@link planService}) of the node. */
import { cidrContains, hostPort, parseAddress, parseCidr } from '../base/ip.ts'
import { type ObjectRef, refOf } from '../controllers/service-diagnosis/cause.ts'
import { indexOf, list, noEndpoints } from '../controllers/service-diagnosis/diagnose-service.ts'
import { anotherProxy } from '../controllers/service-diagnosis/service-oddities.ts'
import { SERVICE_PROXY_NAME } from '../kube/service-proxy-name.ts'
import type { Service, ServicePort } from '../kube/types/core.ts'
import { claimOf, precedes } from '../proxy/claims.ts'
import { type Client, type Outcome, outcomeFor } from '../proxy/explain.ts'
import { targetsOf } from '../proxy/frontend-elements.ts'
import { type NodeView, nodeView } from '../proxy/node-view.ts'
import { planService, skipReason } from '../proxy/plan-service.ts'
import type { Frontend, PortPlan } from '../proxy/service-plan.ts'
import type { Cause, Flow, Hop, Place } from './hop.ts'
import { ending, type HopModel, type Next, type Step, translated } from './step.ts'
import { type Atlas, nameOf } from './world.ts'

const MAPS = {
  clusterServices: 'cluster-services',
  externalServices: 'external-services',
  localServices: 'local-services',
  shortCircuits: 'short-circuits',
} as const

export const proxyModel: HopModel = {
  name: 'fairlead proxy',
  next(step, atlas) {
    const { station } = step
    if (station.at !== 'prerouting' && station.at !== 'output') return undefined
    const onward: Step = {
      flow: step.flow,
      back: step.back,
      ...(step.via === undefined ? {} : { via: step.via }),
      station: { at: 'routing', node: station.node, local: station.at === 'output' },
    }
    const node = viewOf(station.node, atlas)
    const client = station.at === 'output' ? 'node itself' : clientOf(step.flow.source, node, atlas)
    const found = lookUp(step.flow, node, atlas)
    if (found === undefined) return unserved(onward, node, atlas) ?? { kind: 'step', hops: [], step: onward }
    return served(onward, found, { node, client, atlas })
  },
}

/** How a node's proxy sees its node. */
export function viewOf(name: string, atlas: Atlas): NodeView {
  return { ...nodeView(name, atlas.nodesByName.get(name)), mode: atlas.around.proxyMode }
}

/** What a source address is to a node. */
export function clientOf(source: string, node: NodeView, atlas: Atlas): Client {
  if (within(source, node.podCidrs)) return 'pod on this node'
  if (node.addresses.includes(source)) return 'node itself'
  const onNode = atlas.nodesByAddress.has(source) || atlas.podsByAddress.has(source)
  return onNode ? 'other node' : 'external'
}

export function within(address: string, cidrs: readonly string[]): boolean {
  const bytes = parseAddress(address)
  return cidrs.some((text) => {
    const cidr = parseCidr(text)
    return bytes !== undefined && cidr !== undefined && cidrContains(cidr, bytes)
  })
}

export interface Found {
  readonly service: Service
  readonly port: ServicePort
  readonly plan: PortPlan
  readonly frontend: Frontend
}

/** The Service port that has an address and port on a node; of several that want it, the oldest. */
export function lookUp(flow: Flow, node: NodeView, atlas: Atlas): Found | undefined {
  const { destination, port, protocol } = flow
  const isNode = (node.nodePortAddresses ?? node.addresses).includes(destination)
  const candidates = new Set([
    ...(atlas.servicesByAddress.get(destination) ?? []),
    ...(isNode ? (atlas.servicesByNodePort.get(port) ?? []) : []),
  ])
  let best: Found | undefined
  for (const service of candidates) {
    const plan = planService(service, atlas.slicesByService.get(nameOf(service)) ?? [], node)
    for (const one of plan.kind === 'programmed' ? plan.ports : []) {
      const frontend = one.frontends.find(({ address, port: number }) => address === destination && number === port)
      if (one.protocol !== protocol || frontend === undefined) continue
      if (best !== undefined && precedes(claimOf(best.plan), claimOf(one))) continue
      const own = (service.spec.ports ?? []).find(
        ({ name = '', protocol: is = 'TCP' }) => name === one.name && is === protocol,
      )
      if (own !== undefined) best = { service, port: own, plan: one, frontend }
    }
  }
  return best
}

interface Scene {
  readonly node: NodeView
  readonly client: Client
  readonly atlas: Atlas
}

function served(step: Step, found: Found, scene: Scene): Next {
  const { node, client, atlas } = scene
  const outcome = outcomeFor(found.plan, found.frontend, { client, address: step.flow.source })
  const hops = [lookupHop(found, outcome, { scene, flow: step.flow })]
  if (outcome.kind !== 'translated') {
    const cause = causeOf(outcome, found, { scene, flow: step.flow })
    return ending(outcome.kind === 'reject' ? 'refused' : 'dropped', cause, hops)
  }
  const { balancing, slots, shares, affinitySeconds, masquerade, because, topology } = outcome
  const place: Place = { kind: 'node', name: node.name }
  const family = found.plan.family
  const reason =
    topology ?? (because === 'terminating' ? 'no endpoint is ready; those that end still serve' : undefined)
  return {
    kind: 'choice',
    hops,
    choice: {
      how: balancing,
      ...(affinitySeconds === undefined ? {} : { affinitySeconds }),
      ...(reason === undefined ? {} : { because: reason }),
    },
    branches: shares
      .filter(({ slots: own }) => own > 0)
      .map(({ endpoint, slots: own }) => {
        const change = translated(step, {
          place,
          what: 'destination',
          to: { destination: endpoint.address, port: endpoint.port },
          by: `${family} fairlead`,
          why: `endpoint of Service ${nameOf(found.service)}`,
        })
        return {
          share: own / slots,
          endpoint: hostPort(endpoint.address, endpoint.port),
          ...podRef(endpoint.address, atlas),
          hops: [change.hop],
          step: {
            ...change.step,
            translated: true,
            via: { service: found.service, port: found.port },
            ...(masquerade.masquerade ? { masquerade: masquerade.why } : {}),
          },
        }
      }),
  }
}

function podRef(address: string, atlas: Atlas): { readonly object?: ObjectRef } {
  const pod = atlas.podsByAddress.get(address)
  return pod === undefined ? {} : { object: refOf(pod, 'Pod') }
}

function lookupHop(found: Found, outcome: Outcome, { scene, flow }: { scene: Scene; flow: Flow }): Hop {
  const { frontend, plan, service } = found
  const [[map = 'clusterServices'] = []] = targetsOf(frontend)
  return {
    kind: 'lookup',
    place: { kind: 'node', name: scene.node.name },
    table: `${plan.family} fairlead`,
    map: MAPS[map],
    element: `${flow.destination} . ${flow.protocol.toLowerCase()} . ${flow.port}`,
    object: refOf(service, 'Service'),
    frontend: frontend.source,
    port: plan.name,
    policy: frontend.policy,
    client: scene.client,
    chains: chainsOf(frontend, outcome, scene.client),
  }
}

/** The chains of `proxy/layout.ts` that the packet passes. */
function chainsOf({ source, policy }: Frontend, outcome: Outcome, client: Client): string[] {
  const inside = client === 'pod on this node' || client === 'node itself'
  const way = source === 'ClusterIP' ? ['cluster'] : policy === 'Cluster' ? ['external'] : ['local']
  if (outcome.kind === 'drop' && outcome.reason === 'not-in-load-balancer-source-ranges')
    return ['services', ...way, 'firewall']
  const short = way[0] === 'local' && inside ? ['short-circuit'] : []
  const last = { translated: 'endpoints', reject: 'no-endpoints', drop: 'no-local-endpoints' }[outcome.kind]
  const picked = outcome.kind === 'translated' ? pickName(outcome) : last
  return ['services', ...way, ...short, 'pick', picked]
}

/** `rr-2`: the beginning of the chain's name; the counter that follows is the kernel's. */
function pickName({ balancing, slots }: Extract<Outcome, { kind: 'translated' }>): string {
  return `${balancing === 'round-robin' || slots === 1 ? 'rr' : balancing}-${slots}`
}

/** Whoever holds to a Service's source ranges, the proxy or the load balancer, says the same. */
export function outsideOfRanges(service: Service, flow: Flow): Cause {
  const sentence = `Service ${nameOf(service)} lets only ${list(service.spec.loadBalancerSourceRanges ?? [])} to ${flow.destination}, and ${flow.source} is not among them`
  const mend = `add a range with ${flow.source}`
  const object = refOf(service, 'Service')
  return { code: 'source-ranges', sentence, object, field: 'spec.loadBalancerSourceRanges', mend }
}

function causeOf(
  outcome: Exclude<Outcome, { kind: 'translated' }>,
  found: Found,
  { scene, flow }: { scene: Scene; flow: Flow },
): Cause {
  const { service, port, plan, frontend } = found
  const object = refOf(service, 'Service')
  if (outcome.reason === 'not-in-load-balancer-source-ranges') return outsideOfRanges(service, flow)
  if (outcome.reason !== 'no-local-endpoints') return noEndpoints(service, port, scene.atlas.objects.pods)
  const where =
    plan.cluster.kind === 'endpoints' ? [...new Set(plan.cluster.endpoints.map(({ node = '?' }) => node))].sort() : []
  const field = frontend.source === 'ClusterIP' ? 'spec.internalTrafficPolicy' : 'spec.externalTrafficPolicy'
  const policy = field.slice('spec.'.length)
  const sentence = `Service ${nameOf(service)} has ${policy} Local and no endpoint on ${scene.node.name} (they are on ${list(where)})`
  return {
    code: 'no-local-endpoints',
    sentence,
    object,
    field,
    mend: `set it to Cluster, or run a pod on ${scene.node.name}`,
  }
}

/** Addresses of Services that no port of a Service takes. */
function unserved(step: Step, node: NodeView, atlas: Atlas): Next | undefined {
  const { flow } = step
  const place: Place = { kind: 'node', name: node.name }
  const family = flow.destination.includes(':') ? 'ip6' : 'ip'
  const base = { kind: 'rule', place, table: `${family} fairlead`, chain: 'unserved' } as const
  const owners = (atlas.servicesByAddress.get(flow.destination) ?? []).filter(
    (service) => skipReason(service) === undefined,
  )
  const owner = owners.find((service) => isRefused(flow.destination, service, node))
  if (owner !== undefined) {
    const rule = 'a port that the ClusterIP does not have'
    return ending('refused', missingPort(owner, flow), [
      { ...base, rule, verdict: 'reject', object: refOf(owner, 'Service') },
    ])
  }
  if (
    !within(
      flow.destination,
      atlas.objects.serviceCidrs.flatMap(({ spec }) => spec.cidrs),
    )
  )
    return undefined
  const [other] = atlas.servicesByAddress.get(flow.destination) ?? []
  return ending('dropped', nobodys(flow, other), [{ ...base, rule: 'a ClusterIP that nobody has', verdict: 'drop' }])
}

/** ClusterIPs; and, where addresses are bound to nodes as IPVS does it, the others too. */
function isRefused(address: string, { spec, status }: Service, { mode }: NodeView): boolean {
  if ((spec.clusterIPs ?? [spec.clusterIP]).includes(address)) return true
  if (mode !== 'ipvs') return false
  const bound = [
    ...(spec.externalIPs ?? []),
    ...(status?.loadBalancer?.ingress ?? []).flatMap(({ ip, ipMode }) => (ipMode === 'Proxy' ? [] : (ip ?? []))),
  ]
  return bound.includes(address)
}

export function missingPort(service: Service, flow: Pick<Flow, 'port' | 'protocol'>): Cause {
  const ports = service.spec.ports ?? []
  const object = refOf(service, 'Service')
  const same = ports.find(({ port }) => port === flow.port)
  if (same !== undefined) {
    const has = same.protocol ?? 'TCP'
    const sentence = `port ${flow.port} of Service ${nameOf(service)} is ${has}, not ${flow.protocol}`
    const field = `spec.ports[${indexOf(service, same)}].protocol`
    return {
      code: 'protocol-mismatch',
      sentence,
      object,
      field,
      mend: `ask by ${has}, or add a port for ${flow.protocol}`,
    }
  }
  const texts = ports.map(
    ({ port, name, protocol = 'TCP' }) => `${port}/${protocol}${name === undefined ? '' : ` (${name})`}`,
  )
  const target = ports.find(({ targetPort }) => targetPort === flow.port)
  const hint = target === undefined ? '' : `; ${flow.port} is the targetPort of port ${target.port}`
  const sentence = `Service ${nameOf(service)} has no port ${flow.port}/${flow.protocol}, only ${list(texts)}${hint}`
  const mend = target === undefined ? 'add the port, or ask one that it has' : `ask port ${target.port}`
  return { code: 'port-missing', sentence, object, field: 'spec.ports', mend }
}

function nobodys({ destination }: Flow, service: Service | undefined): Cause {
  if (service === undefined) {
    const sentence = `${destination} is in the range of ClusterIPs, and no Service has it`
    return {
      code: 'cluster-ip-of-nobody',
      sentence,
      mend: 'ask the Service by its name: its address has changed, or it is gone',
    }
  }
  if (SERVICE_PROXY_NAME in (service.metadata.labels ?? {})) return anotherProxy(service)
  const sentence = `Service ${nameOf(service)} is left alone by the node proxy`
  const object = refOf(service, 'Service')
  return { code: 'another-proxy', sentence, object, field: 'metadata.labels', mend: 'remove the label' }
}

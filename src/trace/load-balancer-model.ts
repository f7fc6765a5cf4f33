/**
 * Load balancers in the VPC: as the cloud has them where it was asked, else as their Services ask for them (nodes are the
 * backends, with policy Local those that have a ready endpoint, or under Terway the pods themselves). Clients inside meet
 * them only where the node proxy lets their packets out (ipMode Proxy).
 */
import { hostPort } from '../base/ip.ts'
import { refOf } from '../controllers/service-diagnosis/cause.ts'
import { list, noEndpoints } from '../controllers/service-diagnosis/diagnose-service.ts'
import type { Service, ServicePort } from '../kube/types/core.ts'
import { type Balanced, balancedByCloud } from './balanced-by-cloud.ts'
import { findListener } from './cloud-facts.ts'
import type { Cause, Flow, Hop, Place } from './hop.ts'
import { outsideOfRanges, within } from './proxy-model.ts'
import { delivered, ending, type HopModel, type Next, type Step, translated } from './step.ts'
import { type Atlas, nameOf, nodeAddresses } from './world.ts'

const VPC: Place = { kind: 'vpc' }
const TABLE = 'fairlead-slb'
const PREFIX = 'service.beta.kubernetes.io/alibaba-cloud-loadbalancer-'
/** As whom HAProxy calls backends. */
const PROXY_SOURCE = '100.64.0.1'

export const loadBalancerModel: HopModel = {
  name: 'load balancer',
  next(step, atlas) {
    if (step.station.at !== 'vpc' || step.balanced === true) return undefined
    const { destination, port, protocol } = step.flow
    const service = serviceAt(destination, atlas)
    const known = atlas.cloud === undefined ? undefined : findListener(atlas.cloud, step.flow)
    const own = service?.spec.ports?.find((one) => one.port === port && (one.protocol ?? 'TCP') === protocol)
    const via = service === undefined || own === undefined ? undefined : { service, port: own }
    if (known !== undefined) return carry(step, balancedByCloud(known, step.flow, { via, atlas }), atlas)
    // The cloud knows better than the Service who has an address.
    if (service === undefined || atlas.cloud?.addresses.has(destination) === false) return undefined
    if (atlas.cloud !== undefined && own !== undefined) return ending('refused', notRunning(service, step.flow))
    if (via === undefined) return ending('refused', noListener(service, step.flow))
    return carry(step, balancedByService(via, step.flow, atlas), atlas)
  },
}

/** The Service whose load balancer has an address. */
function serviceAt(address: string, { servicesByAddress, objects, cloud }: Atlas): Service | undefined {
  const own = servicesByAddress
    .get(address)
    ?.find(
      ({ spec, status }) =>
        spec.type === 'LoadBalancer' && status?.loadBalancer?.ingress?.some(({ ip }) => ip === address) === true,
    )
  if (own !== undefined || cloud === undefined || cloud.names.size === 0) return own
  return objects.services.find(({ status }) =>
    status?.loadBalancer?.ingress?.some(({ hostname }) => cloud.names.get(hostname ?? '')?.includes(address) === true),
  )
}

interface Via {
  readonly service: Service
  readonly port: ServicePort
}

function balancedByService(via: Via, flow: Flow, atlas: Atlas): Balanced {
  const { service, port } = via
  const { destination, source } = flow
  const protocol = listenerProtocol(service, port)
  const carrier = /^(http|https|tcpssl)$/.test(protocol) ? 'haproxy' : 'kernel'
  const scheduler = service.metadata.annotations?.[`${PREFIX}scheduler`] ?? 'rr'
  const backends = backendsOf(service, port, atlas)
  const share = 1 / backends.length
  const ranges = service.spec.loadBalancerSourceRanges ?? []
  // The kernel says nothing to strangers; HAProxy hears of a connection when it stands already.
  const stranger = {
    kind: carrier === 'kernel' ? 'dropped' : 'refused',
    cause: outsideOfRanges(service, flow),
  } as const
  return {
    hop: {
      kind: 'balance',
      place: VPC,
      object: refOf(service, 'Service'),
      listener: `${hostPort(destination, port.port)}/${protocol}`,
      scheduler,
      carrier,
    },
    because: `scheduler ${scheduler}`,
    whose: `Service ${nameOf(service)}`,
    backends: backends.map((backend) => ({ ...backend, share })),
    ...(carrier === 'kernel' ? {} : { proxy: { does: 'sends on by a connection of its own', headers: [] } }),
    ...(ranges.length === 0 || within(source, ranges) ? {} : { refused: stranger }),
    ...(backends.length === 0 ? { nobody: noEndpoints(service, port, atlas.objects.pods) } : {}),
  }
}

/** What becomes of a connection that a listener takes, or does not. */
function carry(step: Step, balanced: Balanced, atlas: Atlas): Next {
  const { hop, because, backends, proxy, refused, nobody, affinitySeconds } = balanced
  const taken: Hop[] = proxy === undefined ? [hop] : [hop, { kind: 'proxy', place: VPC, ...proxy }]
  if (refused !== undefined) return ending(refused.kind, refused.cause, taken)
  if (balanced.answers === true) {
    const next = delivered(step, VPC)
    return { ...next, hops: [...taken, ...next.hops] }
  }
  if (nobody !== undefined) return ending('refused', nobody, taken)
  return {
    kind: 'choice',
    hops: taken,
    choice: { how: 'load balancer', because, ...(affinitySeconds === undefined ? {} : { affinitySeconds }) },
    branches: backends.map(({ address, port, share }) => {
      const to = { destination: address, port }
      const change = proxy === undefined ? throughKernel(step, balanced, to) : throughProxy(step, to)
      const pod = atlas.podsByAddress.get(address)
      const object = pod === undefined ? {} : { object: refOf(pod, 'Pod') }
      return { share, endpoint: hostPort(address, port), ...object, hops: change.hops, step: change.step }
    }),
  }
}

interface Backend {
  readonly destination: string
  readonly port: number
}

function throughKernel(step: Step, { whose }: Balanced, to: Backend): { hops: readonly Hop[]; step: Step } {
  const by = `${to.destination.includes(':') ? 'ip6' : 'ip'} ${TABLE}`
  const why = `backend of the load balancer of ${whose}`
  const change = translated(step, { place: VPC, what: 'destination', to, by, why })
  return { hops: [change.hop], step: { ...change.step, balanced: true } }
}

/** Its other side is a connection of its own. */
function throughProxy(step: Step, to: Backend): { hops: readonly Hop[]; step: Step } {
  const { via: _, translated: __, masquerade: ___, ...rest } = step
  const flow: Flow = { protocol: 'TCP', source: PROXY_SOURCE, ...to }
  return { hops: [], step: { ...rest, flow, back: [], balanced: true } }
}

/** As the annotation `protocol-port` (`http:80,https:443`) has it. */
function listenerProtocol({ metadata }: Service, { port, protocol = 'TCP' }: ServicePort): string {
  const words = (metadata.annotations?.[`${PREFIX}protocol-port`] ?? '')
    .split(',')
    .map((word) => word.trim().split(':'))
  return words.find(([, number]) => Number(number) === port)?.[0]?.toLowerCase() ?? protocol.toLowerCase()
}

/** Who is attached to a listener. */
export function backendsOf(
  service: Service,
  port: ServicePort,
  atlas: Atlas,
): { readonly address: string; readonly port: number }[] {
  const slices = atlas.slicesByService.get(nameOf(service)) ?? []
  const ready = slices.flatMap((slice) => {
    const number = slice.ports?.find(({ name }) => (name ?? '') === (port.name ?? ''))?.port
    return (slice.endpoints ?? []).flatMap(({ addresses: [address], conditions, nodeName }) =>
      address === undefined || number === undefined || conditions?.ready === false
        ? []
        : [{ address, port: number, nodeName }],
    )
  })
  if (atlas.around.network === 'terway-eniip')
    return ready.map(({ address, port: number }) => ({ address, port: number }))
  const { nodePort } = port
  if (nodePort === undefined) return []
  const isLocal = service.spec.externalTrafficPolicy === 'Local'
  const nodes = atlas.objects.nodes.filter(({ metadata, spec }) =>
    isLocal ? ready.some(({ nodeName }) => nodeName === metadata.name) : spec?.unschedulable !== true,
  )
  return nodes.flatMap((node) =>
    nodeAddresses(node)
      .slice(0, 1)
      .map((address) => ({ address, port: nodePort })),
  )
}

/** The Service asks for a listener that its load balancer does not have, or has stopped. */
function notRunning(service: Service, { port, protocol }: Flow): Cause {
  const sentence = `the load balancer of Service ${nameOf(service)} runs no listener ${port}/${protocol}, although the Service asks for it`
  const mend = `see kubectl describe service ${service.metadata.name}`
  return { code: 'no-listener', sentence, object: refOf(service, 'Service'), field: 'status.conditions', mend }
}

function noListener(service: Service, { port, protocol }: Flow): Cause {
  const ports = (service.spec.ports ?? []).map((one) => `${one.port}/${one.protocol ?? 'TCP'}`)
  const sentence = `the load balancer of Service ${nameOf(service)} has no listener ${port}/${protocol}, only ${list(ports)}`
  return {
    code: 'port-missing',
    sentence,
    object: refOf(service, 'Service'),
    field: 'spec.ports',
    mend: 'add the port',
  }
}

/**
 * Load balancers in the VPC, told from the Service that has them: nodes are the backends (with policy Local those that
 * have a ready endpoint), or under Terway the pods themselves. Clients inside meet them only where the node proxy lets
 * their packets out (ipMode Proxy).
 */
import { hostPort } from '../base/ip.ts'
import { refOf } from '../controllers/service-diagnosis/cause.ts'
import { list, noEndpoints } from '../controllers/service-diagnosis/diagnose-service.ts'
import type { Service, ServicePort } from '../kube/types/core.ts'
import type { Cause, Flow, Hop, Place } from './hop.ts'
import { delivered, ending, type HopModel, type Next, type Step, translated } from './step.ts'
import { type Atlas, nameOf, nodeAddresses } from './world.ts'

const VPC: Place = { kind: 'vpc' }
const TABLE = 'fairlead-slb'
const PREFIX = 'service.beta.kubernetes.io/alibaba-cloud-loadbalancer-'

export const loadBalancerModel: HopModel = {
  name: 'load balancer',
  next(step, atlas) {
    if (step.station.at !== 'vpc') return undefined
    const { destination, port, protocol } = step.flow
    const service = balancedBy(destination, atlas)
    if (service === undefined) return undefined
    const own = (service.spec.ports ?? []).find((one) => one.port === port && (one.protocol ?? 'TCP') === protocol)
    if (own === undefined) return ending('dropped', noListener(service, step.flow))
    return balance(step, { service, port: own, atlas })
  },
}

function balancedBy(address: string, { servicesByAddress }: Atlas): Service | undefined {
  return servicesByAddress
    .get(address)
    ?.find(
      ({ spec, status }) =>
        spec.type === 'LoadBalancer' && status?.loadBalancer?.ingress?.some(({ ip }) => ip === address) === true,
    )
}

interface Scene {
  readonly service: Service
  readonly port: ServicePort
  readonly atlas: Atlas
}

function balance(step: Step, scene: Scene): Next {
  const { service, port, atlas } = scene
  const isLayer7 = /^(http|https|tcpssl)$/.test(listenerProtocol(service, port))
  const scheduler = service.metadata.annotations?.[`${PREFIX}scheduler`] ?? 'rr'
  const hop: Hop = {
    kind: 'balance',
    place: VPC,
    object: refOf(service, 'Service'),
    listener: `${hostPort(step.flow.destination, port.port)}/${listenerProtocol(service, port)}`,
    scheduler,
    carrier: isLayer7 ? 'haproxy' : 'kernel',
  }
  // Its other side is a connection of its own, from 100.64.0.1.
  if (isLayer7) {
    const next = delivered(step, VPC, refOf(service, 'Service'))
    return { ...next, hops: [hop, ...next.hops] }
  }
  const backends = backendsOf(service, port, atlas)
  if (backends.length === 0) return ending('refused', noEndpoints(service, port, atlas.objects.pods), [hop])
  return {
    kind: 'choice',
    hops: [hop],
    choice: { how: 'load balancer', because: `scheduler ${scheduler}` },
    branches: backends.map((backend) => {
      const family = backend.address.includes(':') ? 'ip6' : 'ip'
      const change = translated(step, {
        place: VPC,
        what: 'destination',
        to: { destination: backend.address, port: backend.port },
        by: `${family} ${TABLE}`,
        why: `backend of the load balancer of Service ${nameOf(service)}`,
      })
      const share = 1 / backends.length
      return { share, endpoint: hostPort(backend.address, backend.port), hops: [change.hop], step: change.step }
    }),
  }
}

/** As the annotation `protocol-port` (`http:80,https:443`) has it. */
function listenerProtocol({ metadata }: Service, { port, protocol = 'TCP' }: ServicePort): string {
  const words = (metadata.annotations?.[`${PREFIX}protocol-port`] ?? '')
    .split(',')
    .map((word) => word.trim().split(':'))
  return words.find(([, number]) => Number(number) === port)?.[0]?.toLowerCase() ?? protocol.toLowerCase()
}

interface Backend {
  readonly address: string
  readonly port: number
}

/** Who is attached to a listener. */
export function backendsOf(service: Service, port: ServicePort, atlas: Atlas): Backend[] {
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

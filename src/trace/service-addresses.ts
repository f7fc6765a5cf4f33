/** Where somebody who asks a Service goes: its ClusterIP from inside, what the internet can reach from outside. */
import { addressFamily } from '../base/ip.ts'
import { refOf } from '../controllers/service-diagnosis/cause.ts'
import { indexOf, noEndpoints } from '../controllers/service-diagnosis/diagnose-service.ts'
import { addressPending } from '../controllers/service-diagnosis/service-oddities.ts'
import { isHeadless } from '../dns/zone/service-records.ts'
import type { Service } from '../kube/types/core.ts'
import type { Protocol } from '../kube/types/meta.ts'
import type { Cause } from './hop.ts'
import { missingPort } from './proxy-model.ts'
import { type Atlas, nameOf } from './world.ts'

export interface ServiceAddresses {
  readonly addresses: readonly string[]
  readonly ports?: readonly number[]
  readonly cause?: Cause
}

interface Asked {
  readonly port: number
  readonly protocol: Protocol
}

export function serviceAddresses(
  service: Service,
  asked: Asked,
  { origin, atlas }: { readonly origin: 'pod' | 'node' | 'internet'; readonly atlas: Atlas },
): ServiceAddresses {
  if (origin === 'internet') return fromInternet(service, asked, atlas)
  if (isHeadless(service)) return headless(service, atlas)
  const address = service.spec.clusterIP
  if (address !== undefined && addressFamily(address) !== undefined) return { addresses: [address] }
  const sentence = `Service ${nameOf(service)} has no ClusterIP`
  return {
    addresses: [],
    cause: { code: 'no-endpoints', sentence, object: refOf(service, 'Service'), field: 'spec.clusterIP' },
  }
}

function headless(service: Service, atlas: Atlas): ServiceAddresses {
  const slices = atlas.slicesByService.get(nameOf(service)) ?? []
  const all = slices.filter(({ addressType }) => addressType !== 'FQDN').flatMap(({ endpoints }) => endpoints ?? [])
  const usable = all.filter(
    ({ conditions }) => conditions?.ready !== false || service.spec.publishNotReadyAddresses === true,
  )
  const addresses = [...new Set(usable.flatMap(({ addresses: own }) => own.slice(0, 1)))]
  if (addresses.length > 0) return { addresses }
  const { sentence, ...rest } = noEndpoints(service, undefined, atlas.objects.pods)
  const text = `headless Service ${nameOf(service)} has no addresses: ${sentence}`
  return { addresses, cause: { ...rest, code: 'headless-no-endpoints', sentence: text } }
}

/** A headless Service translates no ports: who asks its port asks the pod's own. */
export function headlessCause(cause: Cause, service: Service, port: number): Cause | undefined {
  const own = (service.spec.ports ?? []).find((one) => one.port === port)
  if (cause.code !== 'not-listening' || own === undefined || own.targetPort === undefined || own.targetPort === port)
    return undefined
  const sentence = `headless Service ${nameOf(service)} translates no ports: its port ${port} is asked of the pods themselves, which serve ${own.targetPort}`
  const field = `spec.ports[${indexOf(service, own)}].port`
  return {
    code: 'wrong-target-port',
    sentence,
    object: refOf(service, 'Service'),
    field,
    mend: `ask port ${own.targetPort}`,
  }
}

function fromInternet(service: Service, asked: Asked, atlas: Atlas): ServiceAddresses {
  const { spec, status } = service
  const own = (spec.ports ?? []).find(
    ({ port, protocol = 'TCP' }) => port === asked.port && protocol === asked.protocol,
  )
  if (own === undefined && !isHeadless(service)) return { addresses: [], cause: missingPort(service, asked) }
  // A Network Load Balancer has a name, which stands for an address in each of its zones.
  const ingress = (status?.loadBalancer?.ingress ?? []).flatMap(
    ({ ip, hostname }) => ip ?? atlas.cloud?.names.get(hostname ?? '') ?? [],
  )
  if (spec.type === 'LoadBalancer') {
    const [address] = ingress
    if (address !== undefined) return { addresses: [address] }
    const [name] = (status?.loadBalancer?.ingress ?? []).flatMap(({ hostname }) => hostname ?? [])
    return { addresses: [], cause: name === undefined ? addressPending(service) : nameOutside(service, name) }
  }
  const { nodePort } = own ?? {}
  const eips = atlas.around.publicAddresses
    .filter(({ address }) => atlas.nodesByAddress.has(address))
    .map(({ eip }) => eip)
  if (spec.type === 'NodePort' && nodePort !== undefined && eips.length > 0)
    return { addresses: eips, ports: eips.map(() => nodePort) }
  if (spec.type === 'NodePort') {
    const sentence = `Service ${nameOf(service)} answers at port ${nodePort ?? '?'} of the nodes, and no node has a public address`
    return {
      addresses: [],
      cause: { code: 'no-public-address', sentence, object: refOf(service, 'Service'), mend: 'bind an EIP to a node' },
    }
  }
  const [outside] = spec.externalIPs ?? []
  if (outside !== undefined) return { addresses: [outside] }
  const sentence = `Service ${nameOf(service)} is of type ${spec.type ?? 'ClusterIP'}, which the internet cannot reach`
  const mend = 'set it to LoadBalancer, or to NodePort with an EIP on a node'
  return {
    addresses: [],
    cause: {
      code: 'inside-address-from-internet',
      sentence,
      object: refOf(service, 'Service'),
      field: 'spec.type',
      mend,
    },
  }
}

function nameOutside(service: Service, name: string): Cause {
  const sentence = `the load balancer of Service ${nameOf(service)} is at ${name}, a name that is not answered here`
  return { code: 'name-outside', sentence, object: refOf(service, 'Service'), mend: 'ask an address of that name' }
}

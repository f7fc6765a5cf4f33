import type { Service, ServicePort } from '../../kube/types/core.ts'
import type { ServiceAnnotations } from '../annotations/service-annotations.ts'
import type { ListenerProtocol } from '../annotations/table.ts'
import type { PlannedPort } from './service-plan.ts'

/** A port of a Service as a listener. */
export interface ListenerPort extends PlannedPort {
  readonly port: number
  readonly protocol: ListenerProtocol
  /** HTTP: requests are sent on to this HTTPS port. */
  readonly forwardTo?: number
}

/** The listeners that a Service asks for: its ports, with the protocols of annotation `protocol-port`. */
export function listenerPorts(
  { spec }: Service,
  { port, backend, instance }: ServiceAnnotations,
  nameOf: (port: ServicePort) => string,
): ListenerPort[] {
  const protocols = new Map(pairs(port.protocolPort).map(([protocol, number]) => [number, protocol]))
  const forwards = new Map(pairs(port.forwardPort))
  const groups = instance.id === undefined ? [] : pairs(backend.groupPort)
  return (spec.ports ?? []).map((servicePort) => {
    const key = String(servicePort.port)
    const protocol = protocolOf(servicePort, protocols.get(key))
    const forwardTo = protocol === 'http' ? forwards.get(key) : undefined
    const groupId = groups.find(([, number]) => number === key)?.[0]
    return {
      servicePort,
      port: servicePort.port,
      protocol,
      ...(forwardTo === undefined ? { groupName: nameOf(servicePort) } : { forwardTo: Number(forwardTo) }),
      ...(groupId === undefined ? {} : { groupId }),
    }
  })
}

/** A UDP port stays one: what is annotated is the TCP port of the same number. */
function protocolOf({ protocol = 'TCP' }: ServicePort, annotated: string | undefined): ListenerProtocol {
  if (protocol === 'UDP') return 'udp'
  return annotated === 'http' || annotated === 'https' ? annotated : 'tcp'
}

/** `a:1,b:2` */
export function pairs(text = ''): (readonly [string, string])[] {
  return text.split(',').flatMap((item) => {
    const at = item.lastIndexOf(':')
    return at < 1 ? [] : [[item.slice(0, at).trim(), item.slice(at + 1).trim()] as const]
  })
}

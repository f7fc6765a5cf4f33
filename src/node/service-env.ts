import { hostPort } from '../base/ip.ts'
import type { Pod, Service } from '../kube/types/core.ts'

/** What every container is told of, whatever else it wants to know: the API server. */
const API_SERVER = { namespace: 'default', name: 'kubernetes' }

/**
 * Variables that tell a container of Services: those of its namespace, unless `enableServiceLinks` is false, and the API
 * server. Names as Docker's links had them (upstream pkg/kubelet/envvars).
 */
export function serviceVariables(pod: Pod, services: readonly Service[]): ReadonlyMap<string, string> {
  const { namespace = 'default' } = pod.metadata
  const links = pod.spec.enableServiceLinks ?? true
  const told = new Map<string, Service>()
  for (const service of services) {
    const { metadata, spec } = service
    if (!spec.clusterIP || spec.clusterIP === 'None') continue
    const isApi = metadata.namespace === API_SERVER.namespace && metadata.name === API_SERVER.name
    if (metadata.namespace === namespace && links) told.set(metadata.name, service)
    else if (isApi && !told.has(metadata.name)) told.set(metadata.name, service)
  }
  const sorted = [...told.values()].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
  return new Map(sorted.flatMap(variablesOf))
}

function variablesOf({ metadata, spec }: Service): readonly (readonly [string, string])[] {
  const prefix = variableName(metadata.name)
  const { clusterIP: host = '', ports = [] } = spec
  const [first] = ports
  if (first === undefined) return []
  return [
    [`${prefix}_SERVICE_HOST`, host],
    [`${prefix}_SERVICE_PORT`, String(first.port)],
    ...ports.flatMap(({ name, port }) =>
      name ? [[`${prefix}_SERVICE_PORT_${variableName(name)}`, String(port)] as const] : [],
    ),
    [`${prefix}_PORT`, urlOf(host, first)],
    ...ports.flatMap((port) => linkOf(`${prefix}_PORT_${port.port}_${port.protocol ?? 'TCP'}`, host, port)),
  ]
}

type Port = NonNullable<Service['spec']['ports']>[number]

function linkOf(prefix: string, host: string, port: Port): readonly (readonly [string, string])[] {
  return [
    [prefix, urlOf(host, port)],
    [`${prefix}_PROTO`, (port.protocol ?? 'TCP').toLowerCase()],
    [`${prefix}_PORT`, String(port.port)],
    [`${prefix}_ADDR`, host],
  ]
}

function urlOf(host: string, { protocol = 'TCP', port }: Port): string {
  return `${protocol.toLowerCase()}://${hostPort(host, port)}`
}

function variableName(name: string): string {
  return name.toUpperCase().replaceAll('-', '_')
}

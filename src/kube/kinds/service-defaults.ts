import type { Draft } from '../kind.ts'
import { ensureObject, objectIn, objectsIn, setDefault } from './draft.ts'
import { isExternallyAccessible, needsClusterIp } from './service-needs.ts'

const AFFINITY_SECONDS = 10_800

/** Fields that upstream holds as plain strings and numbers, so that empty and left out are the same. */
const EMPTY_IS_ABSENT = [
  'type',
  'clusterIP',
  'sessionAffinity',
  'externalName',
  'loadBalancerIP',
  'externalTrafficPolicy',
  'healthCheckNodePort',
]

/** Fills in what upstream's `SetDefaults_Service` does; families and addresses are the allocation's. */
export function defaultService(draft: Draft): void {
  const spec = ensureObject(draft, 'spec')
  dropEmpty(spec, EMPTY_IS_ABSENT)
  for (const port of objectsIn(spec, 'ports')) dropEmpty(port, ['name', 'protocol', 'nodePort'])
  setDefault(spec, 'sessionAffinity', 'None')
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig
  if (spec.sessionAffinity === 'ClientIP') {
    setDefault(
      ensureObject(ensureObject(spec, 'sessionAffinityConfig'), 'clientIP'),
      'timeoutSeconds',
      AFFINITY_SECONDS,
    )
  }
  setDefault(spec, 'type', 'ClusterIP')
  for (const port of objectsIn(spec, 'ports')) {
    setDefault(port, 'protocol', 'TCP')
    if (port.targetPort === undefined || port.targetPort === null || port.targetPort === 0 || port.targetPort === '') {
      port.targetPort = port.port
    }
  }
  defaultPolicies(spec)
  defaultIngressMode(draft)
}

function dropEmpty(fields: Draft, names: readonly string[]): void {
  for (const name of names) if (fields[name] === '' || fields[name] === 0) delete fields[name]
}

function defaultPolicies(spec: Draft): void {
  if (isExternallyAccessible(spec)) setDefault(spec, 'externalTrafficPolicy', 'Cluster')
  // Upstream takes the field of an ExternalName and shows none.
  if (needsClusterIp(spec)) setDefault(spec, 'internalTrafficPolicy', 'Cluster')
  else delete spec.internalTrafficPolicy
  if (spec.type === 'LoadBalancer') setDefault(spec, 'allocateLoadBalancerNodePorts', true)
}

function defaultIngressMode(draft: Draft): void {
  const balancer = objectIn(objectIn(draft, 'status') ?? {}, 'loadBalancer') ?? {}
  for (const ingress of objectsIn(balancer, 'ingress')) {
    if (ingress.ip) setDefault(ingress, 'ipMode', 'VIP')
  }
}

import type { Frontend, PortPlan, Scope } from './service-plan.ts'

/** Which maps lead from a frontend to the endpoints of which scope. */
export function targetsOf({ source, policy, clients }: Frontend): readonly (readonly [ServiceMap, Scope])[] {
  if (source === 'ClusterIP') return policy === 'Local' ? CLUSTER_IP_LOCAL : CLUSTER_IP
  if (policy === 'Cluster') return EXTERNAL
  return clients.pod.scope === 'local' ? EXTERNAL_LOCAL_BOUND : EXTERNAL_LOCAL
}

export type ServiceMap = 'clusterServices' | 'externalServices' | 'localServices' | 'shortCircuits'

const CLUSTER_IP = [['clusterServices', 'cluster']] as const
const CLUSTER_IP_LOCAL = [['clusterServices', 'local']] as const
const EXTERNAL = [['externalServices', 'cluster']] as const
const EXTERNAL_LOCAL = [
  ['localServices', 'local'],
  ['shortCircuits', 'cluster'],
] as const
const EXTERNAL_LOCAL_BOUND = [
  ['localServices', 'local'],
  ['shortCircuits', 'local'],
] as const

/** Longest comment of an element; the kernel would keep a longer one cut, and it would never be equal again. */
const MAX_COMMENT = 127

/** What `nft list` shows beside a frontend: `default/web:http ClusterIP`. In one piece, since all are kept. */
export function commentOf({ namespace, service, name }: PortPlan, { source }: Frontend): string {
  return [namespace, '/', service, name === '' ? '' : ':', name, ' ', source].join('').slice(0, MAX_COMMENT)
}

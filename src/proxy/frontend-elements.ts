import type { LayoutSets } from './layout.ts'
import type { Frontend, PortPlan, Scope } from './service-plan.ts'

/** Which map leads from a frontend to the endpoints of a scope; undefined when none does. */
export function mapOf({ source, policy }: Frontend, scope: Scope): keyof LayoutSets | undefined {
  if (source === 'ClusterIP') return (policy === 'Local') === (scope === 'local') ? 'clusterServices' : undefined
  if (policy === 'Cluster') return scope === 'cluster' ? 'externalServices' : undefined
  return scope === 'local' ? 'localServices' : 'shortCircuits'
}

/** Longest comment of an element; the kernel would keep a longer one cut, and it would never be equal again. */
const MAX_COMMENT = 127

/** What `nft list` shows beside a frontend: `default/web:http ClusterIP`. */
export function commentOf({ namespace, service, name }: PortPlan, { source }: Frontend): string {
  return `${namespace}/${service}${name === '' ? '' : `:${name}`} ${source}`.slice(0, MAX_COMMENT)
}

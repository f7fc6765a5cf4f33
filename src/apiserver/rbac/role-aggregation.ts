import { jsonEqual } from '../../kube/patch/json.ts'
import { labelSelectorFrom, matchesLabels } from '../../kube/selector.ts'
import type { ClusterRole, PolicyRule } from '../../kube/types/rbac.ts'

/** The rules that aggregated cluster roles should have and have not, by name. Chains (view in edit in admin) are followed. */
export function staleAggregates(roles: ReadonlyMap<string, ClusterRole>): ReadonlyMap<string, readonly PolicyRule[]> {
  const aggregated = [...roles.values()].filter(({ aggregationRule }) => aggregationRule !== undefined)
  const current = new Map(roles)
  const stale = new Map<string, readonly PolicyRule[]>()
  // Each pass carries rules one step further along a chain; a chain is at most as long as there are such roles.
  for (let pass = 0; pass < aggregated.length; pass++) {
    let changed = false
    for (const role of aggregated) {
      const rules = aggregate(role, current)
      if (jsonEqual(current.get(role.metadata.name)?.rules ?? [], rules)) continue
      current.set(role.metadata.name, { ...role, rules })
      stale.set(role.metadata.name, rules)
      changed = true
    }
    if (!changed) break
  }
  return stale
}

/** The rules of all roles that are selected, by name, each rule once. */
function aggregate(role: ClusterRole, roles: ReadonlyMap<string, ClusterRole>): readonly PolicyRule[] {
  const selectors = (role.aggregationRule?.clusterRoleSelectors ?? []).map(labelSelectorFrom)
  const rules = new Map<string, PolicyRule>()
  for (const name of [...roles.keys()].sort()) {
    const other = roles.get(name)
    if (other === undefined || name === role.metadata.name) continue
    if (!selectors.some((selector) => matchesLabels(selector, other.metadata.labels))) continue
    for (const rule of other.rules ?? []) rules.set(JSON.stringify(rule), rule)
  }
  return [...rules.values()]
}

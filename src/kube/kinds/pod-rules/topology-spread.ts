import type { TopologySpreadConstraint } from '../../types/scheduling.ts'
import type { Findings } from '../../validation/findings.ts'
import { validateLabelSelector } from '../../validation/label-selector.ts'
import { qualifiedNameProblems } from '../../validation/names.ts'

const POSITIVE = 'must be greater than zero'
const ACTIONS = ['DoNotSchedule', 'ScheduleAnyway']
const NODE_POLICIES = ['Honor', 'Ignore']

/** Rules of how pods are spread over nodes (upstream `validateTopologySpreadConstraints`). */
export function checkTopologySpread(
  constraints: readonly TopologySpreadConstraint[] | undefined,
  found: Findings,
): void {
  found.each(constraints, 'topologySpreadConstraints', (constraint, _, index) => {
    checkConstraint(constraint, constraints?.slice(index + 1) ?? [], found)
  })
}

function checkConstraint(
  constraint: Partial<TopologySpreadConstraint>,
  others: readonly TopologySpreadConstraint[],
  found: Findings,
): void {
  const { maxSkew = 0, topologyKey = '', whenUnsatisfiable = '', labelSelector } = constraint
  if (maxSkew <= 0) found.invalid('maxSkew', maxSkew, POSITIVE)
  if (topologyKey === '') found.required('topologyKey', 'can not be empty')
  found.oneOf('whenUnsatisfiable', whenUnsatisfiable, ACTIONS)
  if (others.some((each) => each.topologyKey === topologyKey && each.whenUnsatisfiable === whenUnsatisfiable)) {
    found.duplicate('{topologyKey, whenUnsatisfiable}', `{${topologyKey}, ${whenUnsatisfiable}}`)
  }
  checkMinDomains(constraint, found)
  found.oneOf('nodeAffinityPolicy', constraint.nodeAffinityPolicy, NODE_POLICIES)
  found.oneOf('nodeTaintsPolicy', constraint.nodeTaintsPolicy, NODE_POLICIES)
  checkLabelKeys(constraint, found)
  if (labelSelector !== undefined) found.add(validateLabelSelector(labelSelector, 'labelSelector'))
}

function checkMinDomains({ minDomains, whenUnsatisfiable }: Partial<TopologySpreadConstraint>, found: Findings): void {
  if (minDomains === undefined) return
  if (minDomains <= 0) found.invalid('minDomains', minDomains, POSITIVE)
  if (whenUnsatisfiable === 'DoNotSchedule') return
  const text = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable ?? ''}`
  found.invalid('minDomains', minDomains, text)
}

function checkLabelKeys(
  { matchLabelKeys = [], labelSelector }: Partial<TopologySpreadConstraint>,
  found: Findings,
): void {
  if (matchLabelKeys.length === 0) return
  if (labelSelector === undefined) {
    found.forbidden('matchLabelKeys', 'must not be specified when labelSelector is not set')
  }
  const selected = new Set([
    ...Object.keys(labelSelector?.matchLabels ?? {}),
    ...(labelSelector?.matchExpressions ?? []).map(({ key }) => key),
  ])
  found.each(matchLabelKeys, 'matchLabelKeys', (key) => {
    found.problems('', key, qualifiedNameProblems(key))
    if (selected.has(key)) found.invalid('', key, 'exists in both matchLabelKeys and labelSelector')
  })
}

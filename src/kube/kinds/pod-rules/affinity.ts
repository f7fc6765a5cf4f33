import type {
  Affinity,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinity,
  PodAffinityTerm,
} from '../../types/scheduling.ts'
import type { Findings } from '../../validation/findings.ts'
import { validateLabelSelector } from '../../validation/label-selector.ts'
import { labelProblems, labelValueProblems, qualifiedNameProblems, subdomainProblems } from '../../validation/names.ts'

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution'
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution'
const UNKNOWN_OPERATOR = 'not a valid selector operator'

/** Rules of where a pod wants to run (upstream `validateAffinity`). */
export function checkAffinity({ nodeAffinity, podAffinity, podAntiAffinity }: Affinity, found: Findings): void {
  found.within(nodeAffinity, 'nodeAffinity', (affinity) => {
    found.within(affinity[REQUIRED], REQUIRED, ({ nodeSelectorTerms }) => {
      if ((nodeSelectorTerms ?? []).length === 0) {
        found.required('nodeSelectorTerms', 'must have at least one node selector term')
      }
      found.each(nodeSelectorTerms, 'nodeSelectorTerms', (term) => checkTerm(term, found, true))
    })
    found.each(affinity[PREFERRED], PREFERRED, ({ weight, preference }) => {
      checkWeight(weight, found)
      // A preference that no label can meet does no harm.
      found.within(preference, 'preference', (term) => checkTerm(term, found, false))
    })
  })
  found.within(podAffinity, 'podAffinity', checkPodAffinity)
  found.within(podAntiAffinity, 'podAntiAffinity', checkPodAffinity)
}

function checkWeight(weight = 0, found: Findings): void {
  if (weight <= 0 || weight > 100) found.invalid('weight', weight, 'must be in the range 1-100')
}

function checkTerm({ matchExpressions, matchFields }: NodeSelectorTerm, found: Findings, strict: boolean): void {
  found.each(matchExpressions, 'matchExpressions', (each) => checkExpression(each, found, strict))
  found.each(matchFields, 'matchFields', checkField)
}

function checkExpression(
  { key = '', operator, values = [] }: Partial<NodeSelectorRequirement>,
  found: Findings,
  strict: boolean,
): void {
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) found.required('values', "must be specified when `operator` is 'In' or 'NotIn'")
      break
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) {
        found.forbidden('values', "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
      }
      break
    case 'Gt':
    case 'Lt':
      if (values.length !== 1) {
        found.required('values', "must be specified single value when `operator` is 'Lt' or 'Gt'")
      }
      break
    default:
      found.invalid('operator', operator ?? '', UNKNOWN_OPERATOR)
  }
  found.problems('key', key, qualifiedNameProblems(key))
  if (strict) found.each(values, 'values', (value) => found.problems('', value, labelValueProblems(value)))
}

function checkField({ key = '', operator, values = [] }: Partial<NodeSelectorRequirement>, found: Findings): void {
  if (operator !== 'In' && operator !== 'NotIn') found.invalid('operator', operator ?? '', UNKNOWN_OPERATOR)
  else if (values.length !== 1) {
    found.required('values', "must be only one value when `operator` is 'In' or 'NotIn' for node field selector")
  }
  if (key === 'metadata.name') {
    found.each(values, 'values', (value) => found.problems('', value, subdomainProblems(value)))
  } else found.invalid('key', key, 'not a valid field selector key')
}

function checkPodAffinity(affinity: PodAffinity, found: Findings): void {
  found.each(affinity[REQUIRED], REQUIRED, checkPodTerm)
  found.each(affinity[PREFERRED], PREFERRED, ({ weight, podAffinityTerm }) => {
    checkWeight(weight, found)
    found.within(podAffinityTerm ?? {}, 'podAffinityTerm', checkPodTerm)
  })
}

function checkPodTerm(term: Partial<PodAffinityTerm>, found: Findings): void {
  const { labelSelector, namespaceSelector, topologyKey = '' } = term
  if (labelSelector !== undefined) found.add(validateLabelSelector(labelSelector, 'labelSelector'))
  if (namespaceSelector !== undefined) found.add(validateLabelSelector(namespaceSelector, 'namespaceSelector'))
  for (const name of term.namespaces ?? []) found.problems('namespace', name, labelProblems(name))
  checkLabelKeys(term, found)
  if (topologyKey === '') found.required('topologyKey', 'can not be empty')
  found.problems('topologyKey', topologyKey, qualifiedNameProblems(topologyKey))
}

/**
 * Keys whose value a pod takes from its own labels. When these rules look at an object, its selector has what was made
 * of the keys already, so that a key that comes twice there was in both.
 */
function checkLabelKeys(term: Partial<PodAffinityTerm>, found: Findings): void {
  const { labelSelector, matchLabelKeys = [], mismatchLabelKeys = [] } = term
  for (const field of ['matchLabelKeys', 'mismatchLabelKeys'] as const) {
    const keys = term[field] ?? []
    if (keys.length > 0 && labelSelector === undefined) {
      found.forbidden(field, 'must not be specified when labelSelector is not set')
    } else found.each(keys, field, (key) => found.problems('', key, qualifiedNameProblems(key)))
  }
  const seen = new Set(Object.keys(labelSelector?.matchLabels ?? {}))
  for (const { key } of labelSelector?.matchExpressions ?? []) {
    const at = matchLabelKeys.lastIndexOf(key)
    if (at >= 0 && seen.has(key)) found.invalid(`[${at}]`, key, 'exists in both matchLabelKeys and labelSelector')
    seen.add(key)
  }
  found.each(matchLabelKeys, 'matchLabelKeys', (key) => {
    if (mismatchLabelKeys.includes(key)) found.invalid('', key, 'exists in both matchLabelKeys and mismatchLabelKeys')
  })
}

import type { Node, PodSpec } from '../kube/types/core.ts'
import type { NodeSelectorRequirement, NodeSelectorTerm } from '../kube/types/scheduling.ts'

/** Whether the node has the labels of `nodeSelector` and satisfies one term of the required node affinity. */
export function matchesNode({ nodeSelector, affinity }: PodSpec, node: Node): boolean {
  const labels = node.metadata.labels ?? {}
  if (!Object.entries(nodeSelector ?? {}).every(([key, value]) => labels[key] === value)) return false
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  return required === undefined || required.nodeSelectorTerms.some((term) => matchesTerm(term, node))
}

/** Sum of the weights of preferred terms that the node satisfies; an empty term is satisfied by every node. */
export function preferenceFor({ affinity }: PodSpec, node: Node): number {
  const preferred = affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
  return preferred.reduce((sum, { weight, preference }) => {
    return isEmpty(preference) || matchesTerm(preference, node) ? sum + weight : sum
  }, 0)
}

/** A term without expressions matches nothing (upstream's component-helpers/nodeaffinity). */
function matchesTerm(term: NodeSelectorTerm, { metadata }: Node): boolean {
  if (isEmpty(term)) return false
  const labels = metadata.labels ?? {}
  return (
    (term.matchExpressions ?? []).every((requirement) => holds(requirement, labels[requirement.key])) &&
    (term.matchFields ?? []).every((requirement) =>
      holds(requirement, requirement.key === 'metadata.name' ? metadata.name : undefined),
    )
  )
}

function isEmpty({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm): boolean {
  return matchExpressions.length === 0 && matchFields.length === 0
}

function holds({ operator, values = [] }: NodeSelectorRequirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    case 'Gt':
      return compare(value, values[0], (label, bound) => label > bound)
    case 'Lt':
      return compare(value, values[0], (label, bound) => label < bound)
    default:
      return operator satisfies never
  }
}

function compare(
  value: string | undefined,
  bound: string | undefined,
  test: (label: bigint, bound: bigint) => boolean,
): boolean {
  const isInteger = (text: string | undefined): text is string => text !== undefined && /^-?\d+$/.test(text)
  return isInteger(value) && isInteger(bound) && test(BigInt(value), BigInt(bound))
}

import { labelSelectorFrom, matchesLabels, type ParsedLabelSelector } from '../../kube/selector.ts'
import type { Node, Pod } from '../../kube/types/core.ts'
import type { LabelSelector } from '../../kube/types/meta.ts'
import type { PodAffinity, PodAffinityTerm } from '../../kube/types/scheduling.ts'
import type { PlacedPod } from './placed-pod.ts'
import { type Refusal, resolvable, unresolvable } from './refusal.ts'

/** Labels of a namespace by its name, for terms with a `namespaceSelector`. */
export type NamespaceLabels = (name: string) => Readonly<Record<string, string>>

/** What affinity between pods says of a node, for one pod and the pods that have a place. */
export interface AffinityRules {
  refusal(node: Node): Refusal | undefined
  /** Weights of what is preferred, against what is not; higher is better. */
  preference(node: Node): number
}

const NONE: AffinityRules = { refusal: () => undefined, preference: () => 0 }

/** Weight with which the pods there are draw a newcomer that their required affinity names (`HardPodAffinityWeight`). */
const HARD_WEIGHT = 1

/** Counts per value of a topology label, by label. */
class Domains {
  readonly #counts = new Map<string, Map<string, number>>()

  get isEmpty(): boolean {
    return this.#counts.size === 0
  }

  add(key: string, node: Node, amount: number): void {
    const value = node.metadata.labels?.[key]
    if (value === undefined) return
    const values = this.#counts.get(key) ?? new Map<string, number>()
    this.#counts.set(key, values)
    values.set(value, (values.get(value) ?? 0) + amount)
  }

  at(key: string, node: Node): number {
    const value = node.metadata.labels?.[key]
    return value === undefined ? 0 : (this.#counts.get(key)?.get(value) ?? 0)
  }

  /** Whether the node lies in any domain that was counted. */
  touches(node: Node): boolean {
    return [...this.#counts.keys()].some((key) => this.at(key, node) > 0)
  }

  total(node: Node): number {
    return [...this.#counts.keys()].reduce((sum, key) => sum + this.at(key, node), 0)
  }
}

interface Term {
  readonly topologyKey: string
  matches(pod: Pod): boolean
}

/**
 * Works out affinity and anti-affinity between a pod and the pods that have a place (upstream's InterPodAffinity):
 * its own terms, and those of the others that name it.
 */
export function affinityRules(pod: Pod, placed: readonly PlacedPod[], labelsOf: NamespaceLabels): AffinityRules {
  const { podAffinity, podAntiAffinity } = pod.spec.affinity ?? {}
  const own = podAffinity !== undefined || podAntiAffinity !== undefined
  const others = placed.filter(({ pod: { spec } }) => spec.affinity !== undefined)
  if (!own && others.length === 0) return NONE
  const wanted = requiredTerms(pod, podAffinity, labelsOf)
  const shunned = requiredTerms(pod, podAntiAffinity, labelsOf)
  const near = new Domains()
  const apart = new Domains()
  const repelled = new Domains()
  for (const { pod: other, node } of own ? placed : []) {
    if (wanted.length > 0 && wanted.every((term) => term.matches(other))) {
      for (const { topologyKey } of wanted) near.add(topologyKey, node, 1)
    }
    for (const term of shunned) if (term.matches(other)) apart.add(term.topologyKey, node, 1)
  }
  for (const { pod: other, node } of others) {
    for (const term of requiredTerms(other, other.spec.affinity?.podAntiAffinity, labelsOf)) {
      if (term.matches(pod)) repelled.add(term.topologyKey, node, 1)
    }
  }
  // The first of a group that wants to be together may go anywhere.
  const isFirst = near.isEmpty && wanted.every((term) => term.matches(pod))
  const scores = scoresOf(pod, { placed: own ? placed : others, labelsOf })
  return {
    refusal(node) {
      if (
        !wanted.every(({ topologyKey }) => hasLabel(node, topologyKey) && (isFirst || near.at(topologyKey, node) > 0))
      ) {
        return unresolvable("node(s) didn't match pod affinity rules")
      }
      if (apart.touches(node)) return resolvable("node(s) didn't match pod anti-affinity rules")
      if (repelled.touches(node)) return resolvable("node(s) didn't satisfy existing pods anti-affinity rules")
      return undefined
    },
    preference: (node) => scores.total(node),
  }
}

/** What the pod prefers, and what the others prefer (or require) of it. */
function scoresOf(
  pod: Pod,
  { placed, labelsOf }: { readonly placed: readonly PlacedPod[]; readonly labelsOf: NamespaceLabels },
): Domains {
  const scores = new Domains()
  const own = preferredTerms(pod, labelsOf)
  for (const { pod: other, node } of placed) {
    for (const { term, weight } of own) if (term.matches(other)) scores.add(term.topologyKey, node, weight)
    if (other.spec.affinity === undefined) continue
    for (const { term, weight } of preferredTerms(other, labelsOf)) {
      if (term.matches(pod)) scores.add(term.topologyKey, node, weight)
    }
    for (const term of requiredTerms(other, other.spec.affinity.podAffinity, labelsOf)) {
      if (term.matches(pod)) scores.add(term.topologyKey, node, HARD_WEIGHT)
    }
  }
  return scores
}

function requiredTerms(pod: Pod, affinity: PodAffinity | undefined, labelsOf: NamespaceLabels): readonly Term[] {
  const terms = affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []
  return terms.map((term) => termOf(pod, term, labelsOf))
}

function preferredTerms(
  pod: Pod,
  labelsOf: NamespaceLabels,
): readonly { readonly term: Term; readonly weight: number }[] {
  const weighted = (affinity: PodAffinity | undefined, sign: 1 | -1) =>
    (affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ weight, podAffinityTerm }) => ({
      term: termOf(pod, podAffinityTerm, labelsOf),
      weight: sign * weight,
    }))
  const { podAffinity, podAntiAffinity } = pod.spec.affinity ?? {}
  return [...weighted(podAffinity, 1), ...weighted(podAntiAffinity, -1)]
}

/** Neither namespaces nor a selector of them: the pod's own namespace. */
function termOf(pod: Pod, term: PodAffinityTerm, labelsOf: NamespaceLabels): Term {
  const { namespaces = [], namespaceSelector, topologyKey } = term
  const selector = selectorFor(pod, term.labelSelector, term)
  const own = pod.metadata.namespace ?? ''
  const named = namespaces.length === 0 && namespaceSelector === undefined ? [own] : namespaces
  const inNamespace = namespaceSelector === undefined ? undefined : labelSelectorFrom(namespaceSelector)
  return {
    topologyKey,
    matches({ metadata }) {
      const namespace = metadata.namespace ?? ''
      const here =
        named.includes(namespace) || (inNamespace !== undefined && matchesLabels(inNamespace, labelsOf(namespace)))
      return here && matchesLabels(selector, metadata.labels)
    },
  }
}

/** The selector with the pod's own values of `matchLabelKeys` required and those of `mismatchLabelKeys` excluded (KEP-3633). */
export function selectorFor(
  pod: Pod,
  selector: LabelSelector | undefined,
  keys: { readonly matchLabelKeys?: readonly string[]; readonly mismatchLabelKeys?: readonly string[] },
): ParsedLabelSelector {
  const parsed = labelSelectorFrom(selector)
  if (selector === undefined) return parsed
  const requirements = (names: readonly string[] | undefined, operator: 'in' | 'notin') =>
    (names ?? []).flatMap((key) => {
      const value = pod.metadata.labels?.[key]
      return value === undefined ? [] : [{ key, operator, values: [value] }]
    })
  return [...parsed, ...requirements(keys.matchLabelKeys, 'in'), ...requirements(keys.mismatchLabelKeys, 'notin')]
}

function hasLabel(node: Node, key: string): boolean {
  return node.metadata.labels?.[key] !== undefined
}

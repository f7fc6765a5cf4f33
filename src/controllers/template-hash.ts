import { nameHash } from '../kube/names.ts'
import type { PodTemplateSpec } from '../kube/types/core.ts'
import { canonicalJson } from './canonical-json.ts'

/** Label that tells the ReplicaSets of one Deployment, and their pods, apart. */
export const POD_TEMPLATE_HASH = 'pod-template-hash'

/**
 * A short name for a pod template, made of its canonical JSON.
 * `collisions` is mixed in to get another name for the same template after a collision.
 */
export function templateHash(template: PodTemplateSpec, collisions = 0): string {
  const text = collisions === 0 ? canonicalJson(template) : `${canonicalJson(template)}#${collisions}`
  return nameHash(text)
}

/** Whether two templates are the same, apart from the label `pod-template-hash`. */
export function sameTemplate(left: PodTemplateSpec, right: PodTemplateSpec): boolean {
  return canonicalJson(withoutHash(left)) === canonicalJson(withoutHash(right))
}

function withoutHash(template: PodTemplateSpec): PodTemplateSpec {
  const labels = template.metadata?.labels
  if (labels?.[POD_TEMPLATE_HASH] === undefined) return template
  const { [POD_TEMPLATE_HASH]: _hash, ...rest } = labels
  return { ...template, metadata: { ...template.metadata, labels: rest } }
}

import type { FieldError } from '../kind.ts'
import type { Pod, PodSpec, PodTemplateSpec } from '../types/core.ts'
import type { ProjectedSource } from '../types/volume.ts'
import { Findings } from '../validation/findings.ts'
import { validateAnnotations, validateLabels } from '../validation/object-meta.ts'
import { validateEphemeralChange } from './pod-ephemeral-validation.ts'
import { validatePodResize } from './pod-resize-validation.ts'
import { checkAnnotationChange, checkPodAnnotations } from './pod-rules/annotations.ts'
import { checkImageText } from './pod-rules/containers.ts'
import { checkPodSpec } from './pod-rules/pod-spec.ts'
import { checkStatus } from './pod-rules/status.ts'
import { validatePodChange } from './pod-update-validation.ts'

/** A pod without a spec is told what a spec needs. */
const NO_SPEC: PodSpec = { containers: [] }

/** Rules of a Pod (upstream `ValidatePodCreate`, `ValidatePodUpdate` and what they have for subresources). */
export function validatePod(pod: Pod, old: Pod | undefined, part?: string): readonly FieldError[] {
  const found = new Findings()
  const spec: PodSpec = pod.spec ?? NO_SPEC
  if (old !== undefined) {
    found.within(pod.metadata.annotations ?? {}, 'metadata.annotations', (annotations) =>
      checkAnnotationChange(annotations, old.metadata.annotations, found),
    )
  }
  if (part === 'status') {
    // Of a status that is written nothing is in the spec; kubelets write more than all others.
    if (old !== undefined) checkStatus(pod, old, found)
    return found.errors
  }
  checkMetaAndSpec(pod, spec, found)
  if (old === undefined) {
    checkNew(spec, found)
    return found.errors
  }
  if (part === 'resize') return validatePodResize(pod, old, found.errors)
  found.add(
    part === 'ephemeralcontainers' ? validateEphemeralChange(pod.spec, old) : validatePodChange(pod.spec, old.spec),
  )
  return found.errors
}

function checkMetaAndSpec(pod: Pod, spec: PodSpec, found: Findings): void {
  const { name = '', annotations } = pod.metadata
  found.within(annotations, 'metadata.annotations', (given) => checkPodAnnotations(given, spec, found))
  found.within(spec, 'spec', () => {
    checkPodSpec(spec, name, found)
    if (!spec.serviceAccountName) forbidTokens(spec, found)
    found.each(spec.containers, 'containers', checkImageText)
    found.each(spec.initContainers, 'initContainers', checkImageText)
  })
}

/** Nobody's token. */
function forbidTokens({ volumes }: PodSpec, found: Findings): void {
  found.each(volumes, 'volumes', ({ projected }) =>
    found.each((projected as ProjectedSource | undefined)?.sources, 'projected.sources', ({ serviceAccountToken }) => {
      if (serviceAccountToken === undefined) return
      found.forbidden('serviceAccountToken', 'must not be specified when serviceAccountName is not set')
    }),
  )
}

function checkNew({ ephemeralContainers, nodeName, schedulingGates }: PodSpec, found: Findings): void {
  if (ephemeralContainers?.length) found.forbidden('spec.ephemeralContainers', 'cannot be set on create')
  if (nodeName && schedulingGates?.length) {
    found.forbidden('spec.nodeName', 'cannot be set until all schedulingGates have been cleared')
  }
}

/** Rules of the template of a workload's pods, at `path` (upstream `ValidatePodTemplateSpec`). */
export function validatePodTemplate(
  template: Partial<PodTemplateSpec> | undefined,
  path: string,
): readonly FieldError[] {
  const { metadata, spec = NO_SPEC } = template ?? {}
  const found = new Findings()
  found.within(spec, path, () => {
    found.add(validateLabels(metadata?.labels, 'labels'))
    found.add(validateAnnotations(metadata?.annotations, 'annotations'))
    found.within(metadata?.annotations, 'annotations', (given) => checkPodAnnotations(given, spec, found))
    found.within(spec, 'spec', () => checkPodSpec(spec, undefined, found))
    if (spec.ephemeralContainers?.length) {
      found.forbidden('spec.ephemeralContainers', 'ephemeral containers not allowed in pod template')
    }
  })
  return found.errors
}

import type { Draft, FieldError } from '../kind.ts'
import type { JobSpec } from '../types/batch.ts'
import { notSupported, oneOf, required } from '../validation/field-error.ts'
import { validateLabels } from '../validation/object-meta.ts'
import { objectIn, objectsIn, setDefault } from './draft.ts'
import { defaultPodTemplate } from './pod-template.ts'
import { validatePodSpec } from './pod-validation.ts'
import { notNegative } from './workload.ts'

/** Defaults of a Job, or of the Jobs of a CronJob. */
export function defaultJobSpec(spec: Draft): void {
  if (spec.completions === undefined && spec.parallelism === undefined) {
    spec.completions = 1
    spec.parallelism = 1
  }
  setDefault(spec, 'parallelism', 1)
  setDefault(spec, 'backoffLimit', 6)
  setDefault(spec, 'completionMode', 'NonIndexed')
  setDefault(spec, 'suspend', false)
  setDefault(spec, 'manualSelector', false)
  const policy = objectIn(spec, 'podFailurePolicy')
  setDefault(spec, 'podReplacementPolicy', policy === undefined ? 'TerminatingOrFailed' : 'Failed')
  for (const rule of objectsIn(policy ?? {}, 'rules')) {
    for (const pattern of objectsIn(rule, 'onPodConditions')) setDefault(pattern, 'status', 'True')
  }
  defaultPodTemplate(spec)
}

/** Rules of a Job's spec at `path`. */
export function validateJobSpec(spec: JobSpec | undefined, path: string): readonly FieldError[] {
  if (spec === undefined) return [required(path)]
  const numbers = [
    'parallelism',
    'completions',
    'activeDeadlineSeconds',
    'backoffLimit',
    'ttlSecondsAfterFinished',
  ] as const
  const indexedWithout = spec.completionMode === 'Indexed' && spec.completions === undefined
  return [
    ...numbers.flatMap((field) => notNegative(`${path}.${field}`, spec[field])),
    ...oneOf(`${path}.completionMode`, spec.completionMode, ['Indexed', 'NonIndexed']),
    ...(indexedWithout ? [required(`${path}.completions`, 'when completion mode is Indexed')] : []),
    ...validateTemplate(spec.template, `${path}.template`),
  ]
}

function validateTemplate(template: JobSpec['template'] | undefined, path: string): readonly FieldError[] {
  if (template?.spec === undefined) return [required(`${path}.spec.containers`)]
  const policy = template.spec.restartPolicy
  const ends = policy === 'OnFailure' || policy === 'Never'
  return [
    ...validateLabels(template.metadata?.labels, `${path}.labels`),
    ...validatePodSpec(template.spec, `${path}.spec`),
    ...(ends ? [] : [notSupported(`${path}.spec.restartPolicy`, policy ?? '', ['OnFailure', 'Never'])]),
  ]
}

import type { Draft, FieldError } from '../kind.ts'
import type { JobSpec } from '../types/batch.ts'
import { invalid, notSupported, oneOf, required } from '../validation/field-error.ts'
import { objectIn, objectsIn, setDefault } from './draft.ts'
import { validateJobPolicies } from './job-policies.ts'
import { defaultPodTemplate } from './pod-template.ts'
import { validatePodTemplate } from './pod-validation.ts'
import { notNegative } from './workload.ts'

/** With limits per index, the one for all is never reached. */
const MAX_INT32 = 2 ** 31 - 1

/** Defaults of a Job, or of the Jobs of a CronJob. */
export function defaultJobSpec(spec: Draft): void {
  if (spec.completions === undefined && spec.parallelism === undefined) {
    spec.completions = 1
    spec.parallelism = 1
  }
  setDefault(spec, 'parallelism', 1)
  setDefault(spec, 'backoffLimit', spec.backoffLimitPerIndex === undefined ? 6 : MAX_INT32)
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
  return [
    ...numbers.flatMap((field) => notNegative(`${path}.${field}`, spec[field])),
    ...oneOf(`${path}.completionMode`, spec.completionMode, ['Indexed', 'NonIndexed']),
    ...validateJobPolicies(spec, path),
    ...validateTemplate(spec, `${path}.template`),
  ]
}

function validateTemplate(job: JobSpec, path: string): readonly FieldError[] {
  const template: JobSpec['template'] | undefined = job.template
  return [
    ...validatePodTemplate(template, path),
    ...validateRestarts(job, template?.spec?.restartPolicy, `${path}.spec.restartPolicy`),
  ]
}

function validateRestarts(job: JobSpec, policy: string | undefined, path: string): readonly FieldError[] {
  if (policy === undefined || policy === '' || policy === 'Always') {
    return [required(path, 'valid values: "OnFailure", "Never"')]
  }
  if (policy !== 'OnFailure' && policy !== 'Never') return [notSupported(path, policy, ['OnFailure', 'Never'])]
  if (job.podFailurePolicy === undefined || policy === 'Never') return []
  return [invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified')]
}

import { isConditionTrue } from '../conditions.ts'
import { humanDuration } from '../duration.ts'
import type { Draft, FieldError, KindDefinition } from '../kind.ts'
import { jobs } from '../resource.ts'
import { labelSelectorFrom, matchesLabels } from '../selector.ts'
import type { Job } from '../types/batch.ts'
import { invalid, required } from '../validation/field-error.ts'
import { validateLabelSelector } from '../validation/label-selector.ts'
import { ensureObject, objectIn } from './draft.ts'
import { defaultJobSpec, validateJobSpec } from './job-spec.ts'
import { workloadMergeLists } from './pod-template.ts'
import { ageColumn, selectorColumn, templateColumns } from './printing.ts'
import { shownSelector, validateLabelsSelected } from './workload-selector.ts'

const CONTROLLER_UID = 'batch.kubernetes.io/controller-uid'
const JOB_NAME = 'batch.kubernetes.io/job-name'

/** batch/v1 Job: pods that run to an end. */
export const jobKind: KindDefinition<Job> = {
  resource: jobs,
  listKind: 'JobList',
  singular: 'job',
  categories: ['all'],
  subresources: ['status'],
  default(draft) {
    const spec = objectIn(draft, 'spec')
    if (spec !== undefined) defaultJobSpec(spec)
  },
  prepare(draft, old) {
    if (old !== undefined) return
    draft.status = {}
    linkPods(draft)
  },
  validate: (job, old) => [
    ...(old === undefined ? validateGenerated(job) : []),
    ...validateJobSpec(job.spec, 'spec'),
    ...(old === undefined ? validateSelector(job) : validateFrozen(job.spec, old.spec)),
  ],
  selectableFields: { 'status.successful': ({ status }) => String(status?.succeeded ?? 0) },
  columns: [
    { name: 'Status', type: 'string', description: 'Status of the job.', cell: statusCell },
    {
      name: 'Completions',
      type: 'string',
      description: 'Pods that ended well, of those wanted.',
      cell: completionsCell,
    },
    { name: 'Duration', type: 'string', description: 'Time required to complete the job.', cell: durationCell },
    ageColumn,
    ...templateColumns<Job>(({ spec }) => spec.template),
    selectorColumn<Job>(({ spec }) => spec.selector),
  ],
  mergeLists: workloadMergeLists,
}

/** Unless the user does it himself: a selector and labels that no other Job has. */
function linkPods(draft: Draft): void {
  const spec = objectIn(draft, 'spec')
  const { uid, name } = objectIn(draft, 'metadata') ?? {}
  const template = spec === undefined ? undefined : objectIn(spec, 'template')
  if (spec === undefined || template === undefined || spec.manualSelector === true) return
  const labels = ensureObject(ensureObject(template, 'metadata'), 'labels')
  Object.assign(labels, { [CONTROLLER_UID]: uid, 'controller-uid': uid, [JOB_NAME]: name, 'job-name': name })
  ensureObject(ensureObject(spec, 'selector'), 'matchLabels')[CONTROLLER_UID] = uid
}

/** A selector that was to be made must select what was made. */
function validateGenerated({ metadata, spec }: Job): readonly FieldError[] {
  if (spec?.selector === undefined || spec.manualSelector === true) return []
  if (validateLabelSelector(spec.selector, 'spec.selector').length > 0) return []
  const { uid = '', name } = metadata
  const made = { [CONTROLLER_UID]: uid, 'controller-uid': uid, [JOB_NAME]: name, 'job-name': name }
  if (matchesLabels(labelSelectorFrom(spec.selector), made)) return []
  return [invalid('spec.selector', shownSelector(spec.selector), '`selector` not auto-generated')]
}

/** Made or given, it must select the pods of the template. */
function validateSelector({ spec }: Job): readonly FieldError[] {
  if (spec === undefined) return []
  const { selector, template } = spec
  if (selector === undefined)
    return [required('spec.selector'), ...validateLabelsSelected(selector, template?.metadata?.labels)]
  const unreadable = validateLabelSelector(selector, 'spec.selector')
  return unreadable.length > 0 ? unreadable : validateLabelsSelected(selector, template?.metadata?.labels)
}

const FROZEN = [
  'selector',
  'template',
  'completionMode',
  'podFailurePolicy',
  'backoffLimitPerIndex',
  'managedBy',
  'successPolicy',
] as const

function validateFrozen(spec: Job['spec'], old: Job['spec'] | undefined): readonly FieldError[] {
  if (old === undefined) return []
  const changed = FROZEN.filter((field) => JSON.stringify(spec[field]) !== JSON.stringify(old[field]))
  return [
    ...validateCompletions(spec, old),
    ...changed.map((field) => invalid(`spec.${field}`, spec[field], 'field is immutable')),
  ]
}

/** An Indexed Job may grow and shrink, all of it at once. */
function validateCompletions(spec: Job['spec'], old: Job['spec']): readonly FieldError[] {
  const { completions } = spec
  if (completions === old.completions) return []
  if (spec.completionMode !== 'Indexed') return [invalid('spec.completions', completions, 'field is immutable')]
  if (completions === undefined || completions === spec.parallelism) return []
  return [invalid('spec.completions', completions, 'can only be modified in tandem with spec.parallelism')]
}

function statusCell({ metadata, spec, status }: Job): string {
  const is = (type: string) => isConditionTrue(status?.conditions, type)
  if (is('Complete')) return 'Complete'
  if (is('Failed')) return 'Failed'
  if (metadata.deletionTimestamp !== undefined) return 'Terminating'
  if (is('Suspended')) return 'Suspended'
  if (is('FailureTarget')) return 'FailureTarget'
  return spec.suspend === true ? 'Suspended' : 'Running'
}

function completionsCell({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0
  if (spec.completions !== undefined) return `${succeeded}/${spec.completions}`
  const parallelism = spec.parallelism ?? 0
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`
}

function durationCell({ status }: Job, now: number): string {
  if (status?.startTime === undefined) return ''
  const end = status.completionTime === undefined ? now : Date.parse(status.completionTime)
  return humanDuration(end - Date.parse(status.startTime))
}

import type { FieldError, KindDefinition } from '../kind.ts'
import { cronJobs } from '../resource.ts'
import type { CronJob } from '../types/batch.ts'
import { invalid, oneOf, required } from '../validation/field-error.ts'
import { objectIn, setDefault } from './draft.ts'
import { defaultJobSpec, validateJobSpec } from './job-spec.ts'
import { podSpecMergeLists } from './pod-template.ts'
import { ageCell, ageColumn, selectorCell, templateColumns } from './printing.ts'
import { notNegative } from './workload.ts'

/** batch/v1 CronJob. */
export const cronJobKind: KindDefinition<CronJob> = {
  resource: cronJobs,
  listKind: 'CronJobList',
  singular: 'cronjob',
  shortNames: ['cj'],
  categories: ['all'],
  subresources: ['status'],
  default(draft) {
    const spec = objectIn(draft, 'spec')
    if (spec === undefined) return
    setDefault(spec, 'concurrencyPolicy', 'Allow')
    setDefault(spec, 'suspend', false)
    setDefault(spec, 'successfulJobsHistoryLimit', 3)
    setDefault(spec, 'failedJobsHistoryLimit', 1)
    const job = objectIn(objectIn(spec, 'jobTemplate') ?? {}, 'spec')
    if (job !== undefined) defaultJobSpec(job)
  },
  prepare(draft, old) {
    if (old === undefined) draft.status = {}
  },
  validate: ({ spec, metadata }) => [
    ...(metadata.name.length > 52
      ? [invalid('metadata.name', metadata.name, 'must be no more than 52 characters')]
      : []),
    ...validateSpec(spec),
  ],
  columns: [
    {
      name: 'Schedule',
      type: 'string',
      description: 'The schedule in Cron format.',
      cell: ({ spec }) => spec.schedule,
    },
    {
      name: 'Timezone',
      type: 'string',
      description: 'The time zone name for the given schedule.',
      cell: ({ spec }) => spec.timeZone ?? '<none>',
    },
    {
      name: 'Suspend',
      type: 'boolean',
      description: 'Whether subsequent executions are suspended.',
      cell: ({ spec }) => (spec.suspend === true ? 'True' : 'False'),
    },
    {
      name: 'Active',
      type: 'integer',
      description: 'Number of currently running jobs.',
      cell: ({ status }) => (status?.active ?? []).length,
    },
    {
      name: 'Last Schedule',
      type: 'string',
      description: 'When the job was successfully scheduled for the last time.',
      cell: ({ status }, now) =>
        status?.lastScheduleTime === undefined ? '<none>' : ageCell(status.lastScheduleTime, now),
    },
    ageColumn,
    ...templateColumns<CronJob>(({ spec }) => spec.jobTemplate.spec.template),
    {
      name: 'Selector',
      type: 'string',
      priority: 1,
      description: 'Label selector for pods.',
      cell: ({ spec }) => selectorCell(spec.jobTemplate.spec.selector),
    },
  ],
  mergeLists: podSpecMergeLists('spec.jobTemplate.spec.template.spec'),
}

function validateSpec(spec: CronJob['spec'] | undefined): readonly FieldError[] {
  if (spec === undefined) return [required('spec')]
  return [
    ...(spec.schedule ? validateSchedule(spec.schedule) : [required('spec.schedule')]),
    ...oneOf('spec.concurrencyPolicy', spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace']),
    ...notNegative('spec.startingDeadlineSeconds', spec.startingDeadlineSeconds),
    ...notNegative('spec.successfulJobsHistoryLimit', spec.successfulJobsHistoryLimit),
    ...notNegative('spec.failedJobsHistoryLimit', spec.failedJobsHistoryLimit),
    ...validateJobSpec(spec.jobTemplate?.spec, 'spec.jobTemplate.spec'),
  ]
}

const FIELD = /^(\*|\?|[\dA-Za-z]+(-[\dA-Za-z]+)?)(\/\d+)?(,(\*|[\dA-Za-z]+(-[\dA-Za-z]+)?)(\/\d+)?)*$/
const NAMED = /^@(yearly|annually|monthly|weekly|daily|midnight|hourly|every \S+)$/

function validateSchedule(schedule: string): readonly FieldError[] {
  if (NAMED.test(schedule)) return []
  const fields = schedule.trim().split(/\s+/)
  if (fields.length !== 5) {
    const text = `expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`
    return [invalid('spec.schedule', schedule, text)]
  }
  const wrong = fields.find((field) => !FIELD.test(field))
  return wrong === undefined ? [] : [invalid('spec.schedule', schedule, `failed to parse int from ${wrong}`)]
}

import type { FieldError, KindDefinition } from '../kind.ts'
import { priorityClasses } from '../resource.ts'
import type { PriorityClass } from '../types/policy.ts'
import { forbidden, invalid, notSupported, required } from '../validation/field-error.ts'
import { setDefault } from './draft.ts'
import { ageColumn } from './printing.ts'

/** The most that a user's own class may have. */
const HIGHEST_OF_USERS = 1_000_000_000
const SYSTEM_PREFIX = 'system-'
const POLICIES = ['PreemptLowerPriority', 'Never']

/** Classes that every cluster has. */
export const SYSTEM_PRIORITY_CLASSES: readonly Pick<PriorityClass, 'metadata' | 'value' | 'description'>[] = [
  {
    metadata: { name: 'system-node-critical' },
    value: 2_000_001_000,
    description: 'Used for system critical pods that must not be moved from their current node.',
  },
  {
    metadata: { name: 'system-cluster-critical' },
    value: 2_000_000_000,
    description:
      'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  },
]

/** scheduling.k8s.io/v1 PriorityClass: a pod that names it gets its value; the scheduler goes by that. */
export const priorityClassKind: KindDefinition<PriorityClass> = {
  resource: priorityClasses,
  listKind: 'PriorityClassList',
  singular: 'priorityclass',
  shortNames: ['pc'],
  generation: true,
  default(draft) {
    setDefault(draft, 'preemptionPolicy', 'PreemptLowerPriority')
    setDefault(draft, 'value', 0)
  },
  validate: (priorityClass, old) =>
    old === undefined ? validateNew(priorityClass) : validateChange(priorityClass, old),
  columns: [
    {
      name: 'Value',
      type: 'integer',
      description: 'The value that pods of the class get.',
      cell: ({ value }) => value,
    },
    {
      name: 'Global-Default',
      type: 'boolean',
      description: 'Whether pods that name no class get this one.',
      cell: ({ globalDefault }) => globalDefault ?? false,
    },
    ageColumn,
    {
      name: 'PreemptionPolicy',
      type: 'string',
      description: 'Whether pods of the class drive others away.',
      cell: ({ preemptionPolicy }) => preemptionPolicy ?? '',
    },
  ],
}

/** Upstream `ValidatePriorityClass`. */
function validateNew(given: PriorityClass): readonly FieldError[] {
  const { metadata, value, preemptionPolicy } = given
  const errors: FieldError[] = []
  if (metadata.name.startsWith(SYSTEM_PREFIX)) {
    const why = notOfTheSystem(given)
    const text = `priority class names with '${SYSTEM_PREFIX}' prefix are reserved for system use only. error: ${why}`
    if (why !== undefined) errors.push(forbidden('metadata.name', text))
  } else if (value > HIGHEST_OF_USERS) {
    errors.push(forbidden('value', `maximum allowed value of a user defined priority is ${HIGHEST_OF_USERS}`))
  }
  if (!preemptionPolicy) return [...errors, required('preemptionPolicy')]
  return POLICIES.includes(preemptionPolicy)
    ? errors
    : [...errors, notSupported('preemptionPolicy', preemptionPolicy, POLICIES)]
}

function notOfTheSystem({ metadata: { name }, value, globalDefault }: PriorityClass): string | undefined {
  const known = SYSTEM_PRIORITY_CLASSES.find(({ metadata }) => metadata.name === name)
  if (known === undefined) return `${name} is not a known system priority class`
  if (known.value !== value) return `value of ${name} PriorityClass must be ${known.value}`
  return globalDefault === true ? `globalDefault of ${name} PriorityClass must be false` : undefined
}

function validateChange(now: PriorityClass, old: PriorityClass): readonly FieldError[] {
  return [
    ...(now.value === old.value ? [] : [forbidden('value', 'may not be changed in an update.')]),
    ...(now.preemptionPolicy === old.preemptionPolicy
      ? []
      : [invalid('preemptionPolicy', now.preemptionPolicy, 'field is immutable')]),
  ]
}

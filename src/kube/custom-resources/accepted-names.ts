import { isConditionTrue, setCondition } from '../conditions.ts'
import type { CustomResourceDefinition, CustomResourceNames } from '../types/custom-resource-definition.ts'
import type { Condition } from '../types/meta.ts'

type Status = NonNullable<CustomResourceDefinition['status']>

/** Names that are taken in a group. */
export interface TakenNames {
  /** Plural and singular names and short names. */
  readonly resources: ReadonlySet<string>
  /** Kinds and kinds of lists. */
  readonly kinds: ReadonlySet<string>
}

/** The names of definitions and built-in kinds of a group. */
export function takenNames(all: readonly CustomResourceNames[]): TakenNames {
  return {
    resources: new Set(
      all.flatMap(({ plural, singular, shortNames }) => [plural, singular ?? '', ...(shortNames ?? [])]),
    ),
    kinds: new Set(all.flatMap(({ kind, listKind }) => [kind, listKind ?? ''])),
  }
}

/**
 * The status of a definition: whether its names are free, and so whether it is served. What is served once stays so
 * under the names that it had.
 *
 * @param taken By others. @param now Milliseconds since the epoch.
 */
export function definitionStatus(definition: CustomResourceDefinition, taken: TakenNames, now: number): Status {
  const { spec, status = {} } = definition
  const conflict = conflictOf(spec.names, taken)
  const wasEstablished = isConditionTrue(status.conditions, 'Established')
  const withNames = setCondition(status.conditions, namesCondition(conflict), now)
  const established = wasEstablished || conflict === undefined
  const conditions = wasEstablished ? withNames : setCondition(withNames, establishedCondition(established), now)
  const storage = spec.versions.find((version) => version.storage)?.name
  const { storedVersions = [] } = status
  const kept = storage === undefined || storedVersions.includes(storage) ? storedVersions : [...storedVersions, storage]
  const acceptedNames = conflict === undefined ? spec.names : (status.acceptedNames ?? { plural: '', kind: '' })
  return { ...status, conditions, acceptedNames, storedVersions: kept }
}

interface Conflict {
  readonly reason: string
  readonly message: string
}

function conflictOf(names: CustomResourceNames, { resources, kinds }: TakenNames): Conflict | undefined {
  const used = (reason: string, name: string) => ({ reason, message: `${JSON.stringify(name)} is already in use` })
  // Of several conflicts the last of this order is told, as upstream does.
  if (names.listKind && kinds.has(names.listKind)) return used('ListKindConflict', names.listKind)
  if (kinds.has(names.kind)) return used('KindConflict', names.kind)
  const short = names.shortNames?.find((each) => resources.has(each))
  if (short !== undefined) return used('ShortNamesConflict', short)
  if (names.singular && resources.has(names.singular)) return used('SingularConflict', names.singular)
  return resources.has(names.plural) ? used('PluralConflict', names.plural) : undefined
}

function namesCondition(conflict: Conflict | undefined): Condition {
  if (conflict !== undefined) return { type: 'NamesAccepted', status: 'False', ...conflict }
  return { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' }
}

function establishedCondition(established: boolean): Condition {
  if (!established) {
    return { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' }
  }
  const message = 'the initial names have been accepted'
  return { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message }
}

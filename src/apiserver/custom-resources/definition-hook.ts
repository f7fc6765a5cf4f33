import type { Clock } from '../../base/clock.ts'
import { definitionStatus, takenNames } from '../../kube/custom-resources/accepted-names.ts'
import type { Draft } from '../../kube/kind.ts'
import { jsonEqual } from '../../kube/patch/json.ts'
import { customResourceDefinitions } from '../../kube/resource.ts'
import type { CustomResourceDefinition, CustomResourceNames } from '../../kube/types/custom-resource-definition.ts'
import type { Compare, Entry, Operation, Store } from '../../store/store.ts'
import { decodedObject } from '../decoded.ts'
import type { KindTable } from '../kind-table.ts'
import { encodeObject } from '../object-bytes.ts'
import { objectPrefix } from '../object-key.ts'
import type { WriteHook } from '../write-hook.ts'

interface Options {
  readonly store: Pick<Store, 'list'>
  readonly kinds: KindTable
  readonly clock: Pick<Clock, 'now'>
  /** Called when definitions have changed. */
  readonly changed: () => void
}

interface Definition {
  readonly entry: Entry
  readonly object: CustomResourceDefinition
}

/**
 * Settles, in the transaction of each write of a definition, whether its names are free, and whether others that were
 * refused get theirs now. So a definition is served as soon as its write is acknowledged.
 */
export function definitionHook(options: Options): WriteHook {
  return ({ operation, object }) => {
    const written = object as unknown as CustomResourceDefinition
    const { group } = written.spec
    const others = definitionsOf(options, group).filter((each) => each.object.metadata.name !== written.metadata.name)
    const builtIn = namesOfBuiltIn(options.kinds, group)
    const leaves = operation === 'delete'
    const settled = leaves ? written : settle(written, [...builtIn, ...others.flatMap(acceptedNames)], options)
    const present = leaves ? builtIn : [...builtIn, ...acceptedNames({ object: settled })]
    const { compares, operations } = settleOthers(others, present, options)
    return { kind: 'plan', draft: settled as unknown as Draft, compares, operations, committed: options.changed }
  }
}

/** All definitions there are. */
export function storedDefinitions(store: Pick<Store, 'list'>): readonly Definition[] {
  const { entries } = store.list(objectPrefix(customResourceDefinitions))
  return entries.map((entry) => ({ entry, object: decodedObject(entry) as CustomResourceDefinition }))
}

function definitionsOf({ store }: Options, group: string): readonly Definition[] {
  return storedDefinitions(store).filter(({ object }) => object.spec.group === group)
}

function settle(
  definition: CustomResourceDefinition,
  others: readonly CustomResourceNames[],
  { clock }: Options,
): CustomResourceDefinition {
  return { ...definition, status: definitionStatus(definition, takenNames(others), clock.now()) }
}

function settleOthers(
  others: readonly Definition[],
  present: readonly CustomResourceNames[],
  options: Options,
): { readonly compares: readonly Compare[]; readonly operations: readonly Operation[] } {
  const compares: Compare[] = []
  const operations: Operation[] = []
  const now = new Map(others.map((each) => [each, each.object]))
  for (const each of others) {
    const rest = [...now].flatMap(([other, object]) => (other === each ? [] : acceptedNames({ object })))
    const settled = settle(each.object, [...present, ...rest], options)
    if (jsonEqual(settled.status, each.object.status)) continue
    now.set(each, settled)
    const { key, modRevision } = each.entry
    compares.push({ key, modRevision })
    operations.push({ type: 'put', key, value: encodeObject(settled as unknown as Draft) })
  }
  return { compares, operations }
}

function acceptedNames({ object }: Pick<Definition, 'object'>): readonly CustomResourceNames[] {
  const names = object.status?.acceptedNames
  return names === undefined || names.plural === '' ? [] : [names]
}

function namesOfBuiltIn(kinds: KindTable, group: string): readonly CustomResourceNames[] {
  return kinds.builtIn
    .filter(({ resource }) => resource.group === group)
    .map(({ resource, singular, listKind, shortNames }) => ({
      plural: resource.plural,
      kind: resource.kind,
      singular,
      listKind,
      ...(shortNames === undefined ? {} : { shortNames }),
    }))
}

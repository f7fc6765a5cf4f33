import { customKinds } from '../../kube/custom-resources/custom-kind.ts'
import type { AnyKind } from '../../kube/registry.ts'
import type { Store } from '../../store/store.ts'
import type { KindTable } from '../kind-table.ts'
import { storedDefinitions } from './definition-hook.ts'

/** The kinds of each version of a definition: made once, since others keep things by them. */
const made = new WeakMap<Uint8Array, readonly AnyKind[]>()

/** Brings the table in line with the definitions in the store. */
export function loadCustomKinds(kinds: KindTable, store: Pick<Store, 'list'>): void {
  const all = storedDefinitions(store).flatMap(({ entry, object }) => {
    const known = made.get(entry.value) ?? customKinds(object)
    made.set(entry.value, known)
    return known
  })
  kinds.setCustom(all)
}

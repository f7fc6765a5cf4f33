import type { ObservedAcl } from '../model.ts'
import type { Step } from './step.ts'

const ENTRIES_PER_CALL = 50

/** Makes the list of source ranges, or mends it: what is new is let in before what is old is shut out. */
export function diffAcl(
  ranges: readonly string[],
  observed: ObservedAcl | undefined,
  { name, ipVersion }: { readonly name: string; readonly ipVersion: string },
): readonly Step[] {
  const there = new Set(observed?.entries ?? [])
  const added = ranges.filter((range) => !there.has(range))
  const removed = [...there].filter((range) => !ranges.includes(range))
  const made: Step[] =
    observed === undefined
      ? [
          {
            action: 'CreateAccessControlList',
            parameters: { AclName: name, AddressIPVersion: ipVersion },
            acl: 'makes',
          },
        ]
      : []
  const entries = (action: string, list: readonly string[]) =>
    Array.from({ length: Math.ceil(list.length / ENTRIES_PER_CALL) }, (_, n): Step => {
      const batch = list.slice(n * ENTRIES_PER_CALL, (n + 1) * ENTRIES_PER_CALL)
      const AclEntrys = JSON.stringify(batch.map((entry) => ({ entry, comment: name })))
      if (observed === undefined) return { action, parameters: { AclEntrys }, acl: 'uses' }
      return { action, parameters: { AclId: observed.id, AclEntrys } }
    })
  return [...made, ...entries('AddAccessControlListEntry', added), ...entries('RemoveAccessControlListEntry', removed)]
}

/** Ends the list. */
export function deleteAclStep({ id }: ObservedAcl): Step {
  return { action: 'DeleteAccessControlList', parameters: { AclId: id } }
}

import type { KubernetesZone } from './kubernetes-zone.ts'
import type { NameRecord } from './name-record.ts'
import type { PodNamespaces } from './pod-namespaces.ts'

/** One thing that is said otherwise than before. */
export type ZoneChange =
  /** What an object says of names. */
  | { readonly owner: string; readonly records: readonly NameRecord[] }
  /** Services that lead to this server. */
  | { readonly servers: readonly string[] }
  | { readonly pod: string; readonly place: { readonly address: string; readonly namespace: string } | undefined }

/** What changed together; plain data, so that it can be handed to other threads. */
export interface ZoneUpdate {
  readonly serial: number
  readonly changes: readonly ZoneChange[]
}

/** A zone and what belongs to it. */
export interface ZoneState {
  readonly zone: KubernetesZone
  readonly pods: PodNamespaces
}

/**
 * Makes a change.
 *
 * @returns Whether anything is otherwise than before.
 */
export function applyChange({ zone, pods }: ZoneState, change: ZoneChange, serial: number): boolean {
  if ('owner' in change) return zone.set(change.owner, change.records, serial)
  if ('servers' in change) zone.setServers(change.servers)
  else pods.set(change.pod, change.place)
  return true
}

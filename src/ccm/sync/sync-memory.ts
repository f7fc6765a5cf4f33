import { findGroup, groupKey } from '../diff/group-diff.ts'
import type { DesiredModel, ObservedGroup, ObservedInstance, ObservedModel } from '../model.ts'

/** How the cloud was left for a Service. */
export interface Remembered {
  /** What was asked for, backends aside. */
  readonly fingerprint: string
  readonly instance: ObservedInstance
  readonly groups: readonly ObservedGroup[]
  readonly otherServers: number
  /** When the cloud was last read; milliseconds since the epoch. */
  readonly readAt: number
}

/** What is asked for but for the servers in groups: as long as it is the same, only those can need a change. */
export function fingerprintOf({ groups, ...model }: DesiredModel, hash: string): string {
  return JSON.stringify([hash, model, groups.map(groupKey)])
}

/** The groups as they are after everything that was wanted was done. */
export function groupsAfter(
  desired: DesiredModel,
  observed: readonly ObservedGroup[],
  ids: ReadonlyMap<string, string>,
): readonly ObservedGroup[] {
  return desired.groups.map((group) => {
    const before = findGroup(group, observed)
    const wanted = new Set(group.backends.map((backend) => JSON.stringify(identity(backend))))
    const others = (before?.backends ?? []).filter(
      (backend) =>
        !wanted.has(JSON.stringify(identity(backend))) && (group.isIncomplete || backend.description !== group.name),
    )
    const id = group.id ?? ids.get(groupKey(group)) ?? before?.id ?? ''
    return { id, name: before?.name ?? group.name, backends: [...group.backends, ...others] }
  })
}

function identity({
  type,
  serverId,
  serverIp,
  port,
}: {
  type: string
  serverId: string
  serverIp?: string
  port: number
}) {
  return [type, serverId, serverIp ?? '', port]
}

/** The model that is remembered, in the place of one that is read. */
export function modelOf({ instance, groups, otherServers }: Remembered): ObservedModel {
  return { instance, groups, otherServers, listeners: [] }
}

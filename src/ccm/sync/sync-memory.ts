import { findGroup, groupKey } from '../diff/group-diff.ts'
import type { ObservedGroup, SeenBalancer, WantedBalancer } from '../model.ts'

/** How the cloud was left for a Service. */
export interface Remembered<O extends SeenBalancer> {
  /** What was asked for, backends aside. */
  readonly fingerprint: string
  /** Instance and groups. */
  readonly left: O
  /** When the cloud was last read; milliseconds since the epoch. */
  readonly readAt: number
}

/** What is asked for but for the servers in groups: as long as it is the same, only those can need a change. */
export function fingerprintOf({ groups, ...model }: WantedBalancer, hash: string): string {
  return JSON.stringify([hash, model, groups.map(({ backends: _, isIncomplete: __, ...group }) => group)])
}

/** The groups as they are after everything that was wanted was done. */
export function groupsAfter(
  desired: WantedBalancer,
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
    return {
      id,
      name: before?.name ?? group.name,
      ...(group.type === undefined ? {} : { type: group.type }),
      ...(group.settings === undefined ? {} : { settings: { ...before?.settings, ...group.settings } }),
      backends: [...group.backends, ...others],
    }
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

/** How the cloud was left, by the uid of the Service; and how often each server is attached by all of them. */
export class SyncMemory<O extends SeenBalancer> {
  readonly #byUid = new Map<string, Remembered<O>>()
  readonly #attachments = new Map<string, number>()

  get(uid: string): Remembered<O> | undefined {
    return this.#byUid.get(uid)
  }

  set(uid: string, remembered: Remembered<O>): void {
    this.delete(uid)
    this.#byUid.set(uid, remembered)
    this.#count(remembered, 1)
  }

  delete(uid: string): void {
    const before = this.#byUid.get(uid)
    if (before === undefined) return
    this.#byUid.delete(uid)
    this.#count(before, -1)
  }

  /** How often a server is attached; one that is in two groups counts twice. */
  attachments(serverId: string): number {
    return this.#attachments.get(serverId) ?? 0
  }

  #count({ left }: Remembered<O>, by: 1 | -1): void {
    for (const { backends } of left.groups) {
      for (const { serverId } of backends) {
        const count = this.attachments(serverId) + by
        if (count === 0) this.#attachments.delete(serverId)
        else this.#attachments.set(serverId, count)
      }
    }
  }
}

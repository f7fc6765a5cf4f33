import type { Backend, DesiredGroup, ObservedGroup, SeenBalancer, WantedBalancer } from '../model.ts'
import { isOwnedBy, type Owner } from '../names.ts'
import type { Step } from './step.ts'

export interface GroupDiffRules {
  readonly owner: Owner
  /** Servers in one call. */
  readonly batchSize: number
  /** Differences of weight alone are no reason for a change. */
  readonly ignoreWeights: boolean
  readonly calls: GroupCalls
}

/** How a kind of load balancer is told about groups. */
export interface GroupCalls {
  /** Actions about servers, and the one that ends a group. */
  readonly add: string
  readonly remove: string
  readonly change: string
  readonly end: string
  /** The parameter that is a group's id. */
  readonly id: string
  /** The call that makes a group. */
  create(group: DesiredGroup, instanceId: string): Step
  /** Calls that set what else there is about a group than servers. */
  mend(group: DesiredGroup, there: ObservedGroup): readonly Step[]
  /** Servers as parameters. */
  servers(servers: readonly Backend[]): Readonly<Record<string, unknown>>
}

/** Of SLB. */
export const CLB_GROUP_CALLS: GroupCalls = {
  add: 'AddVServerGroupBackendServers',
  remove: 'RemoveVServerGroupBackendServers',
  change: 'SetVServerGroupAttribute',
  end: 'DeleteVServerGroup',
  id: 'VServerGroupId',
  create: ({ name }, instanceId) => ({
    action: 'CreateVServerGroup',
    parameters: { LoadBalancerId: instanceId, VServerGroupName: name },
  }),
  mend: () => [],
  servers: (servers) => ({ BackendServers: JSON.stringify(servers.map(serverOf)) }),
}

/** Key of a group in a model: its id when it is someone else's, else its name. */
export function groupKey({ id, name }: DesiredGroup): string {
  return id ?? name
}

/** What makes two entries the same server. */
export function backendIdentity({ type, serverId, serverIp = '', port }: Backend): string {
  return `${type}/${serverId}/${serverIp}/${port}`
}

/** Makes the groups that are missing, and mends the servers in them: first adds, then removes, then changes. */
export function diffGroups(desired: WantedBalancer, observed: SeenBalancer, rules: GroupDiffRules): readonly Step[] {
  return desired.groups.flatMap((group) => {
    const there = findGroup(group, observed.groups)
    if (there !== undefined) return [...rules.calls.mend(group, there), ...diffServers(group, there, rules)]
    const made: Step = { ...rules.calls.create(group, observed.instance.id), makesGroup: groupKey(group) }
    return [made, ...diffServers(group, { id: '', name: group.name, backends: [] }, rules)]
  })
}

/** The group of a model as it is. */
export function findGroup(group: DesiredGroup, groups: readonly ObservedGroup[]): ObservedGroup | undefined {
  if (group.id !== undefined) return groups.find(({ id }) => id === group.id)
  return groups.find(({ name, type }) => name === group.name && type === group.type)
}

function diffServers(desired: DesiredGroup, observed: ObservedGroup, rules: GroupDiffRules): readonly Step[] {
  const there = new Map(observed.backends.map((backend) => [backendIdentity(backend), backend]))
  const wanted = new Set(desired.backends.map(backendIdentity))
  const added = desired.backends.filter((backend) => !there.has(backendIdentity(backend)))
  const removed = observed.backends.filter(
    (backend) => isOwnedBy(backend.description, rules.owner) && !wanted.has(backendIdentity(backend)),
  )
  const changed = desired.backends.filter((backend) => {
    const actual = there.get(backendIdentity(backend))
    return actual !== undefined && differs(backend, actual, rules)
  })
  const { calls } = rules
  const batches = (action: string, servers: readonly Backend[]) =>
    batched(servers, rules.batchSize).map(
      (batch): Step => ({ action, parameters: calls.servers(batch), group: groupKey(desired) }),
    )
  const adds = batches(calls.add, added).map((step): Step => ({ ...step, mayWait: true }))
  return [
    ...adds,
    // While an interface is not known, a server too many is better than one too few.
    ...(desired.isIncomplete ? [] : batches(calls.remove, removed)),
    ...batches(calls.change, changed),
  ]
}

function differs(wanted: Backend, actual: Backend, { ignoreWeights }: GroupDiffRules): boolean {
  return wanted.description !== actual.description || (!ignoreWeights && wanted.weight !== actual.weight)
}

/**
 * Ends groups that are no longer wanted. One that holds others' servers stays, without ours; a group of someone else's
 * name stays always.
 */
export function diffUnusedGroups(
  desired: WantedBalancer,
  observed: SeenBalancer,
  rules: GroupDiffRules,
): readonly Step[] {
  const unused = observed.groups.filter(
    (group) => !desired.groups.some((wanted) => findGroup(wanted, [group]) !== undefined),
  )
  return unused.flatMap((group) => removeGroup(group, rules))
}

/** Ends a group, or takes our servers out of it when it is not ours alone. */
export function removeGroup(group: ObservedGroup, { owner, batchSize, calls }: GroupDiffRules): readonly Step[] {
  const ours = group.backends.filter(({ description }) => isOwnedBy(description, owner))
  if (isOwnedBy(group.name, owner) && ours.length === group.backends.length) {
    return [{ action: calls.end, parameters: { [calls.id]: group.id } }]
  }
  return batched(ours, batchSize).map((batch) => ({
    action: calls.remove,
    parameters: { [calls.id]: group.id, ...calls.servers(batch) },
  }))
}

function serverOf({ type, serverId, serverIp, port, weight, description }: Backend): object {
  return {
    ServerId: serverId,
    ...(serverIp === undefined ? {} : { ServerIp: serverIp }),
    Port: port,
    Weight: weight,
    Type: type,
    Description: description,
  }
}

function batched<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, n) => items.slice(n * size, (n + 1) * size))
}

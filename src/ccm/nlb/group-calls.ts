import { isList, type Values } from '../annotations/setting-row.ts'
import { findGroup, type GroupCalls, groupKey } from '../diff/group-diff.ts'
import { ownerTags, tagParameters } from '../diff/instance-tags.ts'
import type { Step } from '../diff/step.ts'
import type { Backend, DesiredGroup, ObservedGroup, SeenBalancer, WantedBalancer } from '../model.ts'

export interface NlbGroupOptions {
  readonly vpcId: string
  readonly clusterId: string
  readonly defaultName: string
  readonly resourceGroupId?: string
}

/** How NLB is told about groups: they are things of their own, and found by tag. */
export function nlbGroupCalls({ vpcId, clusterId, defaultName, resourceGroupId }: NlbGroupOptions): GroupCalls {
  return {
    add: 'AddServersToServerGroup',
    remove: 'RemoveServersFromServerGroup',
    change: 'UpdateServerGroupServersAttribute',
    end: 'DeleteServerGroup',
    id: 'ServerGroupId',
    create: ({ name, type = 'Instance', settings = {} }) => ({
      action: 'CreateServerGroup',
      parameters: {
        VpcId: vpcId,
        ServerGroupName: name,
        ServerGroupType: type,
        Protocol: name.split('.')[2] ?? 'TCP',
        ...(resourceGroupId === undefined ? {} : { ResourceGroupId: resourceGroupId }),
        ...wireParameters(settings),
        Tag: tagParameters(ownerTags({ defaultName, clusterId })),
      },
    }),
    mend: mendGroup,
    servers: (servers) => ({ Servers: servers.map(serverOf) }),
  }
}

function mendGroup(group: DesiredGroup, there: ObservedGroup): readonly Step[] {
  if (isSet(group.settings ?? {}, there.settings ?? {})) return []
  const parameters = wireParameters(group.settings ?? {})
  return [{ action: 'UpdateServerGroupAttribute', parameters, group: groupKey(group) }]
}

/** Whether every parameter has its value. */
export function isSet(wanted: Values, actual: Values): boolean {
  return Object.entries(wanted).every(([name, value]) => actual[name] === value)
}

/** Lists are lists on the wire. */
export function wireParameters(settings: Values): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [name, isList(name) ? value.split(',') : value]),
  )
}

const SERVER_TYPES: Readonly<Record<Backend['type'], string>> = { ecs: 'Ecs', eni: 'Eni', ip: 'Ip' }

function serverOf({ type, serverId, serverIp, port, weight, description }: Backend): object {
  return {
    ServerType: SERVER_TYPES[type],
    ServerId: serverId,
    ...(serverIp === undefined ? {} : { ServerIp: serverIp }),
    Port: port,
    Weight: weight,
    Description: description,
  }
}

/** Id of a listener's group, when it is there already. */
export function groupIdOf(
  groupName: string,
  { groups }: Pick<WantedBalancer, 'groups'>,
  observed: Pick<SeenBalancer, 'groups'>,
): string | undefined {
  const group = groups.find((one) => groupKey(one) === groupName)
  return group === undefined ? undefined : findGroup(group, observed.groups)?.id
}

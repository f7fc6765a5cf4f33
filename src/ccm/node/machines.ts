import { listOf, memberOf, textOf, textsOf } from '../api/answer.ts'
import type { Answer, CloudApi } from '../api/cloud-api.ts'
import type { Machine } from './plan-node.ts'

const PAGE_SIZE = 100

/** Every machine of a VPC. @param pageSize Machines in one answer, up to 100. */
export async function machinesOfVpc(
  api: CloudApi,
  vpcId: string,
  pageSize: number = PAGE_SIZE,
): Promise<readonly Machine[]> {
  return listMachines(api, { VpcId: vpcId }, pageSize)
}

/** Whether a machine exists at all, wherever it is: asked before anybody acts on its absence. */
export async function machineExists(api: CloudApi, id: string): Promise<boolean> {
  const found = await listMachines(api, { InstanceIds: JSON.stringify([id]) })
  return found.some((machine) => machine.id === id)
}

async function listMachines(
  api: CloudApi,
  filter: Readonly<Record<string, string>>,
  pageSize: number = PAGE_SIZE,
): Promise<readonly Machine[]> {
  const machines: Machine[] = []
  for (let page = 1; ; page++) {
    const answer = await api.call('ecs', 'DescribeInstances', { ...filter, PageNumber: page, PageSize: pageSize })
    const items = listOf(answer, 'Instances', 'Instance')
    machines.push(...items.map(readMachine))
    if (items.length < pageSize || machines.length >= Number(textOf(answer, 'TotalCount') || 0)) return machines
  }
}

function readMachine(item: Answer): Machine {
  const [privateAddress = ''] = textsOf(item, 'VpcAttributes', 'PrivateIpAddress', 'IpAddress')
  const [publicAddress = ''] = textsOf(item, 'PublicIpAddress', 'IpAddress')
  return {
    id: textOf(item, 'InstanceId'),
    name: textOf(item, 'InstanceName'),
    instanceType: textOf(item, 'InstanceType'),
    zoneId: textOf(item, 'ZoneId'),
    privateAddress,
    publicAddress: textOf(memberOf(item, 'EipAddress'), 'IpAddress') || publicAddress,
  }
}

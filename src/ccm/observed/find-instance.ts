import { FairleadError } from '../../base/error.ts'
import { listOf, textOf } from '../api/answer.ts'
import type { Answer, CloudApi } from '../api/cloud-api.ts'
import { isInstanceGone } from '../api/cloud-error.ts'
import type { InstanceSettings, ObservedInstance } from '../model.ts'
import { OWNER_TAG } from '../names.ts'

/** What an instance is looked for by. */
export interface InstanceQuery {
  /** Of an annotation; then nothing else counts. */
  readonly id?: string
  /** `a<uid>`: value of the tag, and name. */
  readonly defaultName: string
}

/**
 * Finds a Service's instance: by the id of an annotation, else by tag, else by name.
 *
 * @throws FairleadError `CLOUD_REFUSED` when several bear the tag or the name: none of them is touched.
 */
export async function findInstance(api: CloudApi, query: InstanceQuery): Promise<ObservedInstance | undefined> {
  if (query.id !== undefined) return findById(api, query.id)
  const byTag = await describe(api, { Tags: JSON.stringify([{ TagKey: OWNER_TAG, TagValue: query.defaultName }]) })
  requireOne(byTag, `find multiple loadbalances by tag [${OWNER_TAG}:${query.defaultName}]`)
  if (byTag[0] !== undefined) return byTag[0]
  const named = await describe(api, { LoadBalancerName: query.defaultName })
  const byName = named.filter(({ settings }) => settings.name === query.defaultName)
  requireOne(byName, `find multiple loadbalances by name ${query.defaultName}`)
  return byName[0]
}

/** The instance of an id; `undefined` when there is none. */
export async function findById(api: CloudApi, id: string): Promise<ObservedInstance | undefined> {
  try {
    const answer = await api.call('slb', 'DescribeLoadBalancerAttribute', { LoadBalancerId: id })
    const found = readInstance(answer, 'InternetChargeType')
    if (found.id === id) return found
    throw new FairleadError('CLOUD_REFUSED', `Asked for load balancer ${id}, the cloud answered with ${found.id}`)
  } catch (error) {
    if (isInstanceGone(error)) return undefined
    throw error
  }
}

async function describe(api: CloudApi, filter: Readonly<Record<string, string>>): Promise<ObservedInstance[]> {
  const answer = await api.call('slb', 'DescribeLoadBalancers', filter)
  // The list has the words paybytraffic and paybybandwidth under the alias only.
  return listOf(answer, 'LoadBalancers', 'LoadBalancer').map((item) => readInstance(item, 'InternetChargeTypeAlias'))
}

function requireOne(found: readonly ObservedInstance[], complaint: string): void {
  if (found.length < 2) return
  throw new FairleadError('CLOUD_REFUSED', `${complaint}: ${found.map(({ id }) => id).join(', ')}`)
}

function readInstance(item: Answer, chargeName: string): ObservedInstance {
  const settings: InstanceSettings = {
    addressType: textOf(item, 'AddressType'),
    name: textOf(item, 'LoadBalancerName'),
    spec: textOf(item, 'LoadBalancerSpec'),
    instanceChargeType: textOf(item, 'InstanceChargeType'),
    internetChargeType: textOf(item, chargeName),
    bandwidth: textOf(item, 'Bandwidth'),
    vSwitchId: textOf(item, 'VSwitchId'),
    networkType: textOf(item, 'NetworkType'),
    address: textOf(item, 'Address'),
    ipVersion: textOf(item, 'AddressIPVersion'),
    masterZoneId: textOf(item, 'MasterZoneId'),
    slaveZoneId: textOf(item, 'SlaveZoneId'),
    resourceGroupId: textOf(item, 'ResourceGroupId'),
    deleteProtection: textOf(item, 'DeleteProtection'),
    modificationProtection: textOf(item, 'ModificationProtectionStatus'),
  }
  const tags = listOf(item, 'Tags', 'Tag').map((tag) => ({
    key: textOf(tag, 'TagKey'),
    value: textOf(tag, 'TagValue'),
  }))
  return { id: textOf(item, 'LoadBalancerId'), address: textOf(item, 'Address'), settings, tags }
}

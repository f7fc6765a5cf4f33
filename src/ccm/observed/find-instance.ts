import { FairleadError } from '../../base/error.ts'
import { listOf, textOf } from '../api/answer.ts'
import type { Answer, CloudApi } from '../api/cloud-api.ts'
import { isInstanceGone } from '../api/cloud-error.ts'
import type { InstanceSettings, ObservedInstance, SeenInstance, Tag } from '../model.ts'
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
  return findBy(query, {
    byId: (id) => findById(api, id),
    byTag: (tag) => describe(api, { Tags: JSON.stringify([{ TagKey: tag.key, TagValue: tag.value }]) }),
    byName: (name) => describe(api, { LoadBalancerName: name }),
  })
}

/** Ways to look for instances of a kind. */
export interface Lookups<I extends NamedInstance> {
  byId(id: string): Promise<I | undefined>
  byTag(tag: Tag): Promise<readonly I[]>
  byName(name: string): Promise<readonly I[]>
}

interface NamedInstance extends SeenInstance {
  readonly settings: { readonly name?: string }
}

/** The same for any kind of load balancer. */
export async function findBy<I extends NamedInstance>(
  { id, defaultName }: InstanceQuery,
  lookups: Lookups<I>,
): Promise<I | undefined> {
  if (id !== undefined) return lookups.byId(id)
  const byTag = await lookups.byTag({ key: OWNER_TAG, value: defaultName })
  requireOne(byTag, `find multiple loadbalances by tag [${OWNER_TAG}:${defaultName}]`)
  if (byTag[0] !== undefined) return byTag[0]
  const named = await lookups.byName(defaultName)
  const byName = named.filter(({ settings }) => settings.name === defaultName)
  requireOne(byName, `find multiple loadbalances by name ${defaultName}`)
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

function requireOne(found: readonly SeenInstance[], complaint: string): void {
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

import type { Clock } from '../../base/clock.ts'
import { FairleadError } from '../../base/error.ts'
import { textOf } from '../api/answer.ts'
import type { CloudApi } from '../api/cloud-api.ts'
import { tokenOf } from '../apply/create-instance.ts'
import { PROTECTION_REASON } from '../diff/instance-diff.ts'
import { ownerTags, tagParameters } from '../diff/instance-tags.ts'
import type { DesiredNlb, NlbInstance } from './nlb-model.ts'
import { findNlbById, getNlb } from './read-nlb.ts'
import { zoneParameters } from './zone-maps.ts'

export interface CreateNlbOptions {
  readonly clusterId: string
  /** Name and tag of the instance. */
  readonly defaultName: string
  readonly vpcId: string
  readonly resourceGroupId?: string
  /** The same for tries that must not make a second instance, another when the answer to it is of no use. */
  readonly tokenSeed: string
}

const LOOK_MS = 200
const LONGEST_WAIT_MS = 5_000
/** ACK's controller gives an instance as long. */
const PATIENCE_MS = 120_000

/** Makes an instance with its marks in one call. A try that is repeated with the same seed finds what the first made. */
export async function createNlb(
  desired: DesiredNlb,
  { api, clock }: { readonly api: CloudApi; readonly clock: Clock },
  options: CreateNlbOptions,
): Promise<NlbInstance> {
  const parameters = creationParameters(desired, options)
  const ClientToken = tokenOf(options.tokenSeed, parameters)
  const answer = await api.call('nlb', 'CreateLoadBalancer', { ...parameters, ClientToken })
  // The API's page has it with a small b; clients read either.
  const id = textOf(answer, 'LoadbalancerId') || textOf(answer, 'LoadBalancerId')
  return readyNlb(api, clock, await getNlb(api, id))
}

function creationParameters(
  { settings, zones = [], tags, bandwidthPackageId = '' }: DesiredNlb,
  { defaultName, clusterId, vpcId, resourceGroupId }: CreateNlbOptions,
): Readonly<Record<string, unknown>> {
  const group = settings.resourceGroupId ?? resourceGroupId
  return {
    LoadBalancerName: settings.name ?? defaultName,
    AddressType: settings.addressType ?? 'Internet',
    ...(settings.ipVersion === undefined ? {} : { AddressIpVersion: settings.ipVersion }),
    VpcId: vpcId,
    ZoneMappings: zoneParameters(zones),
    ...(bandwidthPackageId === '' ? {} : { BandwidthPackageId: bandwidthPackageId }),
    ...(group === undefined ? {} : { ResourceGroupId: group }),
    DeletionProtectionConfig: { Enabled: true },
    ModificationProtectionConfig: { Status: 'ConsoleProtection', Reason: PROTECTION_REASON },
    Tag: tagParameters([...ownerTags({ defaultName, clusterId }), ...tags]),
  }
}

/** Waits for an instance that is being made. @throws FairleadError `TIMEOUT` */
export async function readyNlb(api: CloudApi, clock: Clock, found: NlbInstance): Promise<NlbInstance> {
  const end = clock.now() + PATIENCE_MS
  let instance = found
  for (let wait = LOOK_MS; !instance.isReady; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    if (clock.now() >= end) {
      throw new FairleadError('TIMEOUT', `${instance.id} is Provisioning after ${PATIENCE_MS / 1_000} s`)
    }
    await clock.sleep(wait)
    instance = (await findNlbById(api, instance.id)) ?? { ...instance, isReady: true }
  }
  return instance
}

import { createHash } from 'node:crypto'
import { FairleadError } from '../../base/error.ts'
import { listOf, textOf } from '../api/answer.ts'
import type { CloudApi } from '../api/cloud-api.ts'
import { isCloudError } from '../api/cloud-error.ts'
import { protectionParameters } from '../diff/instance-diff.ts'
import { ownerTags, tagParameters } from '../diff/instance-tags.ts'
import type { DesiredModel, InstanceSettings, ObservedInstance } from '../model.ts'

export interface CreateOptions {
  readonly api: CloudApi
  readonly clusterId: string
  /** Name and tag of the instance. */
  readonly defaultName: string
  readonly vpcId: string
  readonly vSwitchIds: readonly string[]
  readonly resourceGroupId?: string
  /** The same for tries that must not make a second instance, another when the answer to it is of no use. */
  readonly tokenSeed: string
}

const NO_ADDRESS_LEFT = 'VSwitchAvailableIpNotExist'

/**
 * Makes an instance with its marks and attributes in one call. A try that is repeated with the same seed finds what the
 * first made: the token follows from what is asked for. A vSwitch without addresses is passed over for another of the
 * configuration, unless an annotation names it.
 */
export async function createInstance(desired: DesiredModel, options: CreateOptions): Promise<ObservedInstance> {
  const { settings } = desired
  if (settings.addressType !== 'intranet') return create(desired, options, undefined)
  const first = settings.vSwitchId ?? pick(options.vSwitchIds, options.defaultName)
  const usable = settings.networkType === 'classic' ? undefined : first
  try {
    return await create(desired, options, usable)
  } catch (error) {
    if (!isCloudError(error, NO_ADDRESS_LEFT) || settings.vSwitchId !== undefined) throw error
    const other = await otherVSwitch(options, usable)
    if (other === undefined) throw error
    return create(desired, options, other)
  }
}

/** The same for the same Service, so that a repeated try asks for the same. */
function pick(vSwitchIds: readonly string[], defaultName: string): string {
  const number = createHash('sha256').update(defaultName).digest().readUInt32BE(0)
  const id = vSwitchIds[number % Math.max(1, vSwitchIds.length)]
  if (id !== undefined) return id
  throw new FairleadError('INVALID_INPUT', 'Cannot make an intranet load balancer: the cloud config has no vswitchid', {
    hint: 'Add vswitchid to the cloud config, or the annotation loadbalancer-vswitch-id to the Service',
  })
}

async function otherVSwitch({ api, vpcId, vSwitchIds }: CreateOptions, tried: string | undefined) {
  const answer = await api.call('vpc', 'DescribeVSwitches', { VpcId: vpcId, PageSize: 50 })
  return listOf(answer, 'VSwitches', 'VSwitch')
    .filter((item) => Number(textOf(item, 'AvailableIpAddressCount')) > 0)
    .map((item) => textOf(item, 'VSwitchId'))
    .find((id) => id !== tried && vSwitchIds.includes(id))
}

async function create(
  desired: DesiredModel,
  options: CreateOptions,
  vSwitchId: string | undefined,
): Promise<ObservedInstance> {
  const settings = settingsOf(desired, options, vSwitchId)
  const tags = [...ownerTags(options), ...desired.tags]
  const parameters = {
    ...parametersOf(settings, options.vpcId),
    Tag: tagParameters(tags),
  }
  const ClientToken = tokenOf(options.tokenSeed, parameters)
  const answer = await options.api.call('slb', 'CreateLoadBalancer', { ...parameters, ClientToken })
  const address = textOf(answer, 'Address')
  return { id: textOf(answer, 'LoadBalancerId'), address, tags, settings: { ...settings, address } }
}

/** With what the controller chooses where the Service does not say. */
function settingsOf(
  { settings }: DesiredModel,
  { defaultName, resourceGroupId }: CreateOptions,
  vSwitchId: string | undefined,
): InstanceSettings {
  const { vSwitchId: _, ...rest } = settings
  return {
    addressType: 'internet',
    name: defaultName,
    instanceChargeType: 'PayByCLCU',
    deleteProtection: 'on',
    modificationProtection: 'ConsoleProtection',
    ipVersion: 'ipv4',
    ...(resourceGroupId === undefined ? {} : { resourceGroupId }),
    ...rest,
    ...(vSwitchId === undefined ? {} : { vSwitchId }),
  }
}

function parametersOf(settings: InstanceSettings, vpcId: string): Readonly<Record<string, unknown>> {
  const sent = {
    AddressType: settings.addressType,
    LoadBalancerName: settings.name,
    InstanceChargeType: settings.instanceChargeType,
    LoadBalancerSpec: settings.instanceChargeType === 'PayBySpec' ? settings.spec : undefined,
    InternetChargeType: settings.addressType === 'internet' ? settings.internetChargeType : undefined,
    Bandwidth: settings.addressType === 'internet' ? settings.bandwidth : undefined,
    VpcId: settings.addressType === 'intranet' ? vpcId : undefined,
    VSwitchId: settings.vSwitchId,
    MasterZoneId: settings.masterZoneId,
    SlaveZoneId: settings.slaveZoneId,
    ResourceGroupId: settings.resourceGroupId,
    AddressIPVersion: settings.ipVersion,
    DeleteProtection: settings.deleteProtection,
    Address: settings.addressType === 'intranet' ? settings.address : undefined,
    ...protectionParameters(settings.modificationProtection ?? 'ConsoleProtection'),
  }
  return Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== undefined))
}

/** The same for the same request only: the API refuses a token that comes with other parameters. */
export function tokenOf(seed: string, parameters: object): string {
  return createHash('sha256').update(seed).update(JSON.stringify(parameters)).digest('hex').slice(0, 36)
}

import { missing, type Parameters } from '../openapi/parameters.ts'
import { Refusal } from '../openapi/refusal.ts'
import { requireQuota } from '../quota/quota.ts'
import type { Transaction } from '../state/transaction.ts'
import { requireAcl, requireVServerGroup } from './find.ts'
import { healthCheckOf } from './health-check-settings.ts'
import { layer4SettingsOf } from './layer4-settings.ts'
import { layer7SettingsOf, tlsSettingsOf } from './layer7-settings.ts'
import { LISTENERS, type Listener, type ListenerProtocol, type LoadBalancer, type Scheduler } from './model.ts'

/** What a listener is made or changed from. */
export interface ListenerRequest {
  readonly parameters: Parameters
  readonly transaction: Transaction
  readonly loadBalancer: LoadBalancer
  readonly protocol: ListenerProtocol
  /** The listener as it is; `undefined` when it is made. */
  readonly before?: Listener
}

type Settings = Omit<Listener, 'loadBalancerId' | 'port' | 'protocol' | 'status' | 'createdAt'>

const LAYER7_SCHEDULERS: readonly Scheduler[] = ['wrr', 'rr']
const LAYER4_SCHEDULERS: Readonly<Record<'tcp' | 'udp', readonly Scheduler[]>> = {
  tcp: ['wrr', 'rr', 'sch', 'tch'],
  udp: ['wrr', 'rr', 'sch', 'tch', 'qch'],
}
const HASHES: readonly Scheduler[] = ['sch', 'tch', 'qch']

/** Everything about a listener but its place and state; what is not asked for stays. @throws Refusal */
export function listenerSettings(request: ListenerRequest): Settings {
  const { parameters, protocol, before, transaction } = request
  const acl = aclOf(request)
  return {
    description: descriptionOf(parameters) ?? before?.description ?? '',
    ...targetOf(request),
    bandwidth: bandwidthOf(parameters) ?? before?.bandwidth ?? -1,
    scheduler: schedulerOf(request),
    ...(acl === undefined ? {} : { acl }),
    healthCheck: healthCheckOf(parameters, protocol, before?.healthCheck),
    ...(protocol === 'tcp' || protocol === 'udp' ? { layer4: layer4SettingsOf(parameters, before?.layer4) } : {}),
    ...(protocol === 'http' ? { layer7: layer7SettingsOf(parameters, before?.layer7) } : {}),
    ...(protocol === 'https'
      ? {
          layer7: {
            ...layer7SettingsOf(parameters, before?.layer7),
            tls: tlsSettingsOf(parameters, transaction, before?.layer7?.tls),
          },
        }
      : {}),
  }
}

function descriptionOf(parameters: Parameters): string | undefined {
  return parameters.string('Description', { pattern: /^.{1,256}$/su, wanted: '1 to 256 characters' })
}

function bandwidthOf(parameters: Parameters): number | undefined {
  const bandwidth = parameters.integer('Bandwidth', { min: -1, max: 5_120, code: 'InvalidParameter.Bandwidth' })
  if (bandwidth !== 0) return bandwidth
  throw new Refusal(
    'InvalidParameter.Bandwidth',
    'The Bandwidth 0 is not valid: give 1 to 5120 Mbps, or -1 for no limit.',
  )
}

/** The group that the listener leads to, or the port of the instance's own servers. */
function targetOf({
  parameters,
  transaction,
  loadBalancer,
  before,
  protocol,
}: ListenerRequest): Pick<Settings, 'vServerGroupId' | 'backendServerPort'> {
  const asked =
    parameters.onOff('VServerGroup') === false
      ? undefined
      : (parameters.string('VServerGroupId') ?? before?.vServerGroupId)
  const backendServerPort =
    parameters.integer('BackendServerPort', { min: 1, max: 65_535 }) ?? before?.backendServerPort
  if (asked !== undefined) {
    const group = requireVServerGroup(transaction, asked)
    if (group.loadBalancerId !== loadBalancer.id) {
      throw new Refusal(
        'InvalidParam.VServerGroupId',
        `The group ${asked} belongs to ${group.loadBalancerId}, not to ${loadBalancer.id}.`,
      )
    }
    return { vServerGroupId: asked }
  }
  const redirects = protocol === 'http' && parameters.onOff('ListenerForward') === true
  if (backendServerPort !== undefined) return { backendServerPort }
  if (redirects || before?.layer7?.forwardPort !== undefined) return {}
  throw new Refusal('MissingParameter', 'Give either BackendServerPort or VServerGroupId.')
}

function schedulerOf({ parameters, protocol, before }: ListenerRequest): Scheduler {
  const allowed = protocol === 'tcp' || protocol === 'udp' ? LAYER4_SCHEDULERS[protocol] : LAYER7_SCHEDULERS
  if (parameters.string('Scheduler') === 'wlc') {
    throw new Refusal(
      'InvalidParameter.Scheduler',
      `The Scheduler wlc is not offered: the load balancer does not count connections by backend. Give one of ${allowed.join(', ')}.`,
    )
  }
  const asked = parameters.oneOf('Scheduler', allowed)
  const scheduler = asked ?? before?.scheduler ?? 'wrr'
  if (before === undefined || scheduler === before.scheduler) return scheduler
  if (!HASHES.includes(scheduler) && !HASHES.includes(before.scheduler)) return scheduler
  throw new Refusal(
    'InvalidParameter.Scheduler',
    `The Scheduler of a listener cannot change from ${before.scheduler} to ${scheduler}: make the listener again.`,
  )
}

function aclOf({ parameters, transaction, loadBalancer, before }: ListenerRequest): Settings['acl'] {
  const on = parameters.onOff('AclStatus') ?? before?.acl !== undefined
  if (!on) return undefined
  const type = parameters.oneOf('AclType', ['white', 'black']) ?? before?.acl?.type ?? missing('AclType')
  const ids = [...new Set(aclIds(parameters) ?? before?.acl?.ids ?? missing('AclId'))]
  for (const id of ids)
    requireUsableAcl(transaction, { id, loadBalancer, used: before?.acl?.ids.includes(id) === true })
  return { type, ids }
}

function aclIds(parameters: Parameters): string[] | undefined {
  const listed = parameters.list('AclIds')
  return listed.length > 0 ? listed : parameters.string('AclId')?.split(',')
}

function requireUsableAcl(
  transaction: Transaction,
  { id, loadBalancer, used }: { id: string; loadBalancer: LoadBalancer; used: boolean },
): void {
  const acl = requireAcl(transaction, id)
  if (acl.ipVersion !== loadBalancer.addressIpVersion) {
    throw new Refusal(
      'IpVersionConflict',
      `The ACL ${id} is for ${acl.ipVersion}, the instance ${loadBalancer.id} has ${loadBalancer.addressIpVersion}.`,
    )
  }
  if (used) return
  const users = transaction.list(LISTENERS).filter((listener) => listener.acl?.ids.includes(id)).length
  requireQuota(transaction, 'slb_quota_acl_attached_num', {
    wanted: users + 1,
    holder: id,
    code: 'QuotaLimitExceeds.AclAttachedToListener',
  })
}

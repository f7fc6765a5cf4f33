import { findGroup, groupKey } from '../diff/group-diff.ts'
import type { SeenBalancer, WantedBalancer } from '../model.ts'
import type { Warning } from './balancer.ts'

/** Limits that the account has, by the names of the Quota Center. The API does not tell them: they are configuration. */
export interface QuotaLimits {
  readonly slb_quota_backendservers_num: number
  readonly slb_quota_listeners_num: number
  readonly slb_quota_backendserver_attached_num: number
  readonly nlb_quota_loadbalancer_noeci_servers_num: number
  readonly nlb_quota_loadbalancer_listeners_num: number
}

export const DEFAULT_LIMITS: QuotaLimits = {
  slb_quota_backendservers_num: 200,
  slb_quota_listeners_num: 50,
  slb_quota_backendserver_attached_num: 50,
  nlb_quota_loadbalancer_noeci_servers_num: 400,
  nlb_quota_loadbalancer_listeners_num: 50,
}

/** Quotas of one instance. */
export interface InstanceQuotas {
  readonly servers: keyof QuotaLimits
  readonly listeners: keyof QuotaLimits
}

export const CLB_QUOTAS: InstanceQuotas = {
  servers: 'slb_quota_backendservers_num',
  listeners: 'slb_quota_listeners_num',
}

export const NLB_QUOTAS: InstanceQuotas = {
  servers: 'nlb_quota_loadbalancer_noeci_servers_num',
  listeners: 'nlb_quota_loadbalancer_listeners_num',
}

interface WithListeners {
  readonly listeners: readonly { readonly protocol: string; readonly port: number }[]
}

/** From this part of a limit on people are warned. */
const NEARLY = 0.8

/** A quota that is used up, or soon will be. */
export interface QuotaUse {
  readonly quota: keyof QuotaLimits
  readonly holder: string
  readonly used: number
  readonly limit: number
}

/** What is said of a load balancer that uses much of its quotas. */
export function quotaWarnings(
  desired: WantedBalancer & WithListeners,
  observed: SeenBalancer & WithListeners,
  quotas: InstanceQuotas & { readonly limits: QuotaLimits },
): readonly Warning[] {
  return quotaUses(desired, observed, quotas).map(quotaWarning)
}

export function quotaWarning(use: QuotaUse): Warning {
  return { reason: 'QuotaNearlyExhausted', text: quotaText(use) }
}

/** What a load balancer uses of its quotas, where that is much. */
function quotaUses(
  desired: WantedBalancer & WithListeners,
  observed: SeenBalancer & WithListeners,
  { limits, ...quotas }: InstanceQuotas & { readonly limits: QuotaLimits },
): readonly QuotaUse[] {
  const servers = serversOf(desired, observed)
  const holder = observed.instance.id
  const listeners = new Set([
    ...observed.listeners.map(({ protocol, port }) => `${protocol}:${port}`),
    ...desired.listeners.map(({ protocol, port }) => `${protocol}:${port}`),
  ])
  return [
    useOf(quotas.servers, { holder, used: servers }, limits),
    useOf(quotas.listeners, { holder, used: listeners.size }, limits),
  ].flatMap((use) => use ?? [])
}

/** Servers that the instance will have, others' included. */
function serversOf(desired: WantedBalancer, observed: SeenBalancer): number {
  const wanted = new Set(desired.groups.map(groupKey))
  const counts = desired.groups.map((group) => {
    const others = (findGroup(group, observed.groups)?.backends ?? []).filter(
      ({ description }) => description !== group.name,
    )
    return group.backends.length + others.length
  })
  return observed.otherServers + (wanted.size === 0 ? 0 : counts.reduce((sum, count) => sum + count, 0))
}

/** How often each node is attached by Services of this controller, where that is much. */
export function attachmentUses(attachments: ReadonlyMap<string, number>, limits: QuotaLimits): readonly QuotaUse[] {
  return [...attachments].flatMap(
    ([holder, used]) => useOf('slb_quota_backendserver_attached_num', { holder, used }, limits) ?? [],
  )
}

function useOf(
  quota: keyof QuotaLimits,
  { holder, used }: Pick<QuotaUse, 'holder' | 'used'>,
  limits: QuotaLimits,
): QuotaUse | undefined {
  return used < limits[quota] * NEARLY ? undefined : { quota, holder, used, limit: limits[quota] }
}

/** A use of a quota, as people read it. */
function quotaText({ quota, holder, used, limit }: QuotaUse): string {
  const state = used > limit ? 'is exhausted' : used === limit ? 'is used up' : 'is nearly exhausted'
  return `The quota ${quota} of ${holder} ${state}: ${used} of ${limit}. Request more in the Quota Center, or use externalTrafficPolicy Local or the annotation loadbalancer-backend-label`
}

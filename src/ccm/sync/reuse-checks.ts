import { FairleadError } from '../../base/error.ts'
import type { Service } from '../../kube/types/core.ts'
import { listOf, textOf } from '../api/answer.ts'
import type { CloudApi } from '../api/cloud-api.ts'
import type { DesiredListener, ObservedModel, SeenBalancer, SeenInstance, WantedBalancer } from '../model.ts'
import { CLUSTER_TAG, OWNER_TAG, parseOwnedName } from '../names.ts'

/**
 * @param place Where the instance is found, as the Service shows it; `undefined`: it may show anything.
 * @throws FairleadError `CLOUD_REFUSED` when a Service may not use somebody else's instance
 */
export function requireReusable(
  service: Service,
  instance: SeenInstance,
  place: { readonly kind: 'ip' | 'dnsname'; readonly text: string } | undefined,
): void {
  const mark = instance.tags.find(({ key }) => key === OWNER_TAG || key === CLUSTER_TAG)
  if (mark !== undefined) {
    throw refused(
      `can not reuse loadbalancer created by kubernetes. ${instance.id} has the tag ${mark.key}: give the id of an instance that was made in the console or by the API`,
    )
  }
  if (place === undefined) return
  const { kind, text } = place
  const ingress = service.status?.loadBalancer?.ingress ?? []
  const shown = ingress.flatMap(({ ip, hostname }) => (kind === 'ip' ? ip : hostname) ?? [])
  if (shown.length === 0 || shown.includes(text)) return
  throw refused(
    `service has been associated with ${kind} [${shown.join(',')}], cannot be bound to ${kind} [${text}]: make a new Service for ${instance.id}`,
  )
}

/** @throws FairleadError `CLOUD_REFUSED` when a group named by an annotation is not there, or is not for taking */
export function requireUsableGroups(desired: WantedBalancer, observed: SeenBalancer): void {
  for (const { id } of desired.groups) {
    if (id === undefined) continue
    const group = observed.groups.find((one) => one.id === id)
    if (group === undefined) throw refused(`can not find vgroup ${id} on load balancer ${observed.instance.id}`)
    if (parseOwnedName(group.name) !== undefined) {
      throw refused(`cannot reuse a ccm created vgroup ${id}, its name is ${group.name}`)
    }
  }
}

/**
 * Looks at certificates that listeners are about to get.
 *
 * @throws FairleadError `CLOUD_REFUSED` for one that does not exist or has expired
 */
export async function requireCertificates(
  api: CloudApi,
  listeners: readonly DesiredListener[],
  { observed, now }: { readonly observed: ObservedModel; readonly now: number },
): Promise<void> {
  const ids = new Set(listeners.flatMap((listener) => newCertificate(listener, observed) ?? []))
  for (const id of ids) {
    const answer = await api.call('slb', 'DescribeServerCertificates', { ServerCertificateId: id })
    const found = listOf(answer, 'ServerCertificates', 'ServerCertificate').find(
      (item) => textOf(item, 'ServerCertificateId') === id,
    )
    if (found === undefined) throw refused(`can not find certificate ${id} of the annotation loadbalancer-cert-id`)
    const expiresAt = Number(textOf(found, 'ExpireTimeStamp'))
    if (expiresAt > now) continue
    throw refused(
      `certificate ${id} of the annotation loadbalancer-cert-id expired at ${new Date(expiresAt).toISOString()}`,
    )
  }
}

function newCertificate(
  { port, protocol, settings }: DesiredListener,
  { listeners }: ObservedModel,
): string | undefined {
  const id = settings.ServerCertificateId
  const actual = listeners.find((one) => one.port === port && one.protocol === protocol)
  return id === undefined || actual?.settings.ServerCertificateId === id ? undefined : id
}

function refused(message: string): FairleadError {
  return new FairleadError('CLOUD_REFUSED', message)
}

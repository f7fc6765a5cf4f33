import { errorMessage } from '../../base/error.ts'
import type { LoadBalancerIngress, Service } from '../../kube/types/core.ts'
import type { ServiceAnnotations } from '../annotations/service-annotations.ts'
import { listOf, textOf } from '../api/answer.ts'
import type { ObservedInstance } from '../model.ts'
import type { SyncContext } from './sync-context.ts'

/** Where a Service says that it is found: a name when one is given, else its EIPs when they count, else its address. */
export async function ingressOf(
  service: Service,
  { instance }: { readonly instance: ObservedInstance },
  { annotations, context }: { readonly annotations: ServiceAnnotations; readonly context: SyncContext },
): Promise<readonly LoadBalancerIngress[]> {
  const { hostname, externalIpType } = annotations.instance
  if (hostname !== undefined) return [{ hostname }]
  const eips = externalIpType === 'eip' ? await eipsOf(service, instance.id, context) : []
  const addresses = eips.length === 0 ? [instance.address] : eips
  return addresses.filter((ip) => ip !== '').map((ip) => ({ ip, ipMode: 'VIP' }))
}

async function eipsOf(service: Service, id: string, { api, recorder }: SyncContext): Promise<readonly string[]> {
  const complain = (why: string) =>
    recorder.event(service, 'Warning', 'FailedSetEIPAddress', `${why}; the load balancer's own address is used`)
  try {
    const filter = { AssociatedInstanceType: 'SlbInstance', AssociatedInstanceId: id }
    const answer = await api.call('vpc', 'DescribeEipAddresses', filter)
    const found = listOf(answer, 'EipAddresses', 'EipAddress').map((item) => textOf(item, 'IpAddress'))
    if (found.length === 0) complain(`No EIP is bound to load balancer [${id}]`)
    return found
  } catch (error) {
    complain(`Cannot look up the EIPs of load balancer [${id}]: ${errorMessage(error)}`)
    return []
  }
}

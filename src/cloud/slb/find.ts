import { Refusal } from '../openapi/refusal.ts'
import type { Transaction } from '../state/transaction.ts'
import {
  ACCESS_CONTROL_LISTS,
  type AccessControlList,
  LISTENERS,
  type Listener,
  type ListenerProtocol,
  LOAD_BALANCERS,
  type LoadBalancer,
  listenerKey,
  SERVER_CERTIFICATES,
  type ServerCertificate,
  VSERVER_GROUPS,
  type VServerGroup,
} from './model.ts'

/** @throws Refusal `InvalidLoadBalancerId.NotFound` */
export function requireLoadBalancer(transaction: Transaction, id: string): LoadBalancer {
  const loadBalancer = transaction.get(LOAD_BALANCERS, id)
  if (loadBalancer !== undefined) return loadBalancer
  throw new Refusal('InvalidLoadBalancerId.NotFound', 'The specified LoadBalancerId does not exist.', 404)
}

/** The listener of a port, in whatever of the protocols it is. */
export function findListener(
  transaction: Transaction,
  { loadBalancerId, port, protocol }: { loadBalancerId: string; port: number; protocol?: ListenerProtocol | undefined },
): Listener | undefined {
  if (protocol === undefined) {
    const [overTcp, overUdp] = (['tcp', 'udp'] as const).map((p) =>
      transaction.get(LISTENERS, listenerKey(loadBalancerId, p, port)),
    )
    return overTcp ?? overUdp
  }
  const listener = transaction.get(LISTENERS, listenerKey(loadBalancerId, protocol, port))
  return listener?.protocol === protocol ? listener : undefined
}

/** @throws Refusal `ResourceNotFound.VServerGroup` */
export function requireVServerGroup(transaction: Transaction, id: string): VServerGroup {
  const group = transaction.get(VSERVER_GROUPS, id)
  if (group !== undefined) return group
  throw new Refusal('ResourceNotFound.VServerGroup', `The specified VServerGroupId ${id} does not exist.`, 404)
}

/** @throws Refusal `AclNotExist` */
export function requireAcl(transaction: Transaction, id: string): AccessControlList {
  const acl = transaction.get(ACCESS_CONTROL_LISTS, id)
  if (acl !== undefined) return acl
  throw new Refusal('AclNotExist', `The specified AclId ${id} does not exist.`, 404)
}

/** @throws Refusal `ServerCertificateId.NotExist` */
export function requireCertificate(transaction: Transaction, id: string): ServerCertificate {
  const certificate = transaction.get(SERVER_CERTIFICATES, id)
  if (certificate !== undefined) return certificate
  throw new Refusal('InvalidParameter.ServerCertificateId', `The specified ServerCertificateId ${id} does not exist.`)
}

/** All listeners of an instance, by port. */
export function listenersOf(transaction: Transaction, loadBalancerId: string): Listener[] {
  return transaction
    .list(LISTENERS)
    .filter((listener) => listener.loadBalancerId === loadBalancerId)
    .sort((a, b) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1))
}

/** All groups of an instance, oldest first. */
export function groupsOf(transaction: Transaction, loadBalancerId: string): VServerGroup[] {
  return transaction
    .list(VSERVER_GROUPS)
    .filter((group) => group.loadBalancerId === loadBalancerId)
    .sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
}

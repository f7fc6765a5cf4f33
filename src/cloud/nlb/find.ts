import { Refusal } from '../openapi/refusal.ts'
import { SERVER_CERTIFICATES, type ServerCertificate } from '../slb/model.ts'
import type { Transaction } from '../state/transaction.ts'
import {
  type Listener,
  NETWORK_LOAD_BALANCERS,
  type NetworkLoadBalancer,
  NLB_LISTENERS,
  SERVER_GROUPS,
  type ServerGroup,
} from './model.ts'

type Reader = Pick<Transaction, 'get' | 'list'>

/** @throws Refusal `ResourceNotFound.loadBalancer` */
export function requireLoadBalancer(reader: Reader, id: string): NetworkLoadBalancer {
  return reader.get(NETWORK_LOAD_BALANCERS, id) ?? notFound('loadBalancer', id)
}

/** @throws Refusal `ResourceNotFound.listener` */
export function requireListener(reader: Reader, id: string): Listener {
  return reader.get(NLB_LISTENERS, id) ?? notFound('listener', id)
}

/** @throws Refusal `ResourceNotFound.serverGroup` */
export function requireServerGroup(reader: Reader, id: string): ServerGroup {
  return reader.get(SERVER_GROUPS, id) ?? notFound('serverGroup', id)
}

/** A certificate of the store that CLB has too. @throws Refusal `ResourceNotFound.Certificate` */
export function requireCertificate(reader: Reader, id: string): ServerCertificate {
  return reader.get(SERVER_CERTIFICATES, id) ?? notFound('Certificate', id, 400)
}

/** The refusal of something that is named but not there. */
export function notFound(kind: string, id: string, status = 404): never {
  throw new Refusal(`ResourceNotFound.${kind}`, `The specified resource of ${kind} is not found: '${id}'.`, status)
}

/** All listeners of an instance, by port. */
export function listenersOf(reader: Reader, loadBalancerId: string): Listener[] {
  return reader
    .list(NLB_LISTENERS)
    .filter((listener) => listener.loadBalancerId === loadBalancerId)
    .sort((a, b) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1))
}

/** All listeners that lead to a group. */
export function usersOf(reader: Reader, serverGroupId: string): Listener[] {
  return reader.list(NLB_LISTENERS).filter((listener) => listener.serverGroupId === serverGroupId)
}

/** What is odd about a Service whatever its pods do: nobody serves its class or its proxy, or its name leads nowhere. */
import { isIP } from 'node:net'
import { keyOf } from '../../kube/object-key.ts'
import { SERVICE_PROXY_NAME } from '../../kube/service-proxy-name.ts'
import type { Service } from '../../kube/types/core.ts'
import { refOf, type ServiceCause } from './cause.ts'
import { isOwnCondition } from './service-conditions.ts'

/** A Service that the node proxy leaves to another one. */
export function anotherProxy(service: Service): ServiceCause {
  const label = service.metadata.labels?.[SERVICE_PROXY_NAME]
  const sentence = `Service ${keyOf(service)} belongs to another proxy (${SERVICE_PROXY_NAME}=${label})`
  const object = refOf(service, 'Service')
  return {
    code: 'another-proxy',
    sentence,
    object,
    field: 'metadata.labels',
    mend: 'remove the label, or run that proxy',
  }
}

/** Whether a cloud controller has taken the Service up: it tells itself how it goes. */
export function isTakenUp({ metadata, status }: Service): boolean {
  const marked = (metadata.finalizers ?? []).some(
    (finalizer) =>
      finalizer.startsWith('service.k8s.alibaba/') || finalizer === 'service.kubernetes.io/load-balancer-cleanup',
  )
  return marked || (status?.conditions ?? []).some((condition) => !isOwnCondition(condition))
}

/** Why EXTERNAL-IP is `<pending>`. */
export function addressPending(service: Service): ServiceCause {
  const { spec, status, metadata } = service
  const object = refOf(service, 'Service')
  const told = status?.conditions?.find(
    (one) => one.status !== 'True' && one.message !== undefined && one.message !== '' && !isOwnCondition(one),
  )
  const base = { code: 'load-balancer-pending', object } as const
  const waits = `Service ${keyOf(service)} has no load balancer address (EXTERNAL-IP is <pending>)`
  if (told !== undefined) return { ...base, sentence: `${waits}: ${told.message}`, field: 'status.conditions' }
  if (isTakenUp(service)) {
    const mend = `see kubectl describe service ${metadata.name}`
    return { ...base, sentence: `${waits}: the cloud controller works on it`, field: 'spec.type', mend }
  }
  if (spec.loadBalancerClass !== undefined) {
    const sentence = `${waits}: nobody serves loadBalancerClass ${spec.loadBalancerClass}`
    const mend = 'leave it out, or run the controller of that class'
    return { ...base, sentence, field: 'spec.loadBalancerClass', mend }
  }
  const mend = 'run a cloud controller, or set spec.type to NodePort'
  return { ...base, sentence: `${waits}: no cloud controller has taken it up`, field: 'spec.type', mend }
}

const MOST_ALIASES = 10

/**
 * What is wrong with the name that an ExternalName Service stands for; undefined for a name of the world outside.
 *
 * @param find The Service of a namespace and name.
 */
export function externalNameOddity(
  service: Service,
  find: (namespace: string, name: string) => Service | undefined,
): ServiceCause | undefined {
  const base = { object: refOf(service, 'Service'), field: 'spec.externalName' } as const
  const passed = [keyOf(service)]
  let at = service
  for (;;) {
    const target = (at.spec.externalName ?? '').replace(/\.$/, '').toLowerCase()
    const leads = `ExternalName Service ${keyOf(service)} leads to ${target}`
    if (isIP(target) !== 0) {
      const sentence = `${leads}, which is an address: DNS has names only`
      const mend = 'make a Service without a selector, and an EndpointSlice with the address'
      return { ...base, code: 'external-name-address', sentence, mend }
    }
    // Whatever the cluster's domain is, its Services are NAME.NAMESPACE.svc.DOMAIN.
    const [, name, namespace] = /^([^.]+)\.([^.]+)\.svc\./.exec(target) ?? []
    if (name === undefined || namespace === undefined) return undefined
    const next = find(namespace, name)
    if (next === undefined) {
      const sentence = `${leads}, and there is no Service ${name} in namespace ${namespace}`
      return { ...base, code: 'name-unknown', sentence, mend: 'name a Service that is there' }
    }
    if (passed.includes(keyOf(next)) || passed.length > MOST_ALIASES) {
      const way =
        keyOf(next) === keyOf(service) && passed.length === 1 ? 'itself' : [...passed, keyOf(next)].join(' -> ')
      const sentence = `ExternalName Service ${keyOf(service)} leads to ${way}: the name never ends`
      return { ...base, code: 'external-name-loop', sentence, mend: 'name a host elsewhere' }
    }
    if (next.spec.type !== 'ExternalName') return undefined
    passed.push(keyOf(next))
    at = next
  }
}

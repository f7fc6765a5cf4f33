import { isIP } from 'node:net'
import type { FieldError } from '../kind.ts'
import type { Service } from '../types/core.ts'
import { forbidden, invalid, oneOf, required } from '../validation/field-error.ts'
import { legacyIpErrors } from '../validation/ip-fields.ts'
import { subdomainProblems } from '../validation/names.ts'

const INGRESS = 'status.loadBalancer.ingress'

type Ingress = NonNullable<NonNullable<NonNullable<Service['status']>['loadBalancer']>['ingress']>[number]

/** Rules of `status.loadBalancer` where a write changes it (upstream `ValidateLoadBalancerStatus`). */
export function validateLoadBalancerStatus(service: Service, old: Service | undefined): readonly FieldError[] {
  const ingress = service.status?.loadBalancer?.ingress ?? []
  const before = old?.status?.loadBalancer?.ingress ?? []
  if (JSON.stringify(ingress) === JSON.stringify(before)) return []
  if (service.spec.type !== 'LoadBalancer' && ingress.length > 0) {
    return [forbidden(INGRESS, "may only be used when `spec.type` is 'LoadBalancer'")]
  }
  const kept = before.flatMap(({ ip }) => ip ?? [])
  return ingress.flatMap((each, index) => validateIngress(each, `${INGRESS}[${index}]`, kept))
}

function validateIngress(
  { ip, ipMode, hostname }: Ingress,
  path: string,
  kept: readonly string[],
): readonly FieldError[] {
  const errors: FieldError[] = []
  if (ip) errors.push(...legacyIpErrors(`${path}.ip`, ip, kept))
  if (ip && ipMode === undefined) errors.push(required(`${path}.ipMode`, 'must be specified when `ip` is set'))
  if (!ip && ipMode !== undefined) errors.push(forbidden(`${path}.ipMode`, 'may not be specified when `ip` is not set'))
  else errors.push(...oneOf(`${path}.ipMode`, ipMode, ['Proxy', 'VIP']))
  if (hostname) {
    errors.push(...subdomainProblems(hostname).map((text) => invalid(`${path}.hostname`, hostname, text)))
    if (isIP(hostname) !== 0) {
      errors.push(invalid(`${path}.hostname`, hostname, 'must be a DNS name, not an IP address'))
    }
  }
  return errors
}

import { isIPv6 } from 'node:net'
import type { FieldError, KindDefinition } from '../kind.ts'
import { serviceCidrs } from '../resource.ts'
import type { ServiceCidr } from '../types/discovery.ts'
import { cidrProblems } from '../validation/addresses.ts'
import { invalid, required } from '../validation/field-error.ts'
import { ageColumn } from './printing.ts'

/** networking.k8s.io/v1 ServiceCIDR: a range, per family, that ClusterIPs come from. */
export const serviceCidrKind: KindDefinition<ServiceCidr> = {
  resource: serviceCidrs,
  listKind: 'ServiceCIDRList',
  singular: 'servicecidr',
  subresources: ['status'],
  prepare(draft, old) {
    if (old === undefined) delete draft.status
  },
  validate: ({ spec }, old) => [...validateCidrs(spec?.cidrs ?? []), ...validateUnchanged(spec, old?.spec)],
  columns: [
    {
      name: 'CIDRs',
      type: 'string',
      description: 'CIDRs defines the IP blocks in CIDR notation from which to assign service cluster IPs.',
      cell: ({ spec }) => spec.cidrs.join(','),
    },
    ageColumn,
  ],
  mergeLists: { 'status.conditions': { keys: ['type'] } },
}

function validateCidrs(cidrs: readonly string[]): readonly FieldError[] {
  const path = 'spec.cidrs'
  if (cidrs.length === 0) return [required(path, 'at least one CIDR required')]
  const errors = cidrs.flatMap((cidr, index) =>
    cidrProblems(cidr).map((text) => invalid(`${path}[${index}]`, cidr, text)),
  )
  if (errors.length > 0) return errors
  if (cidrs.length > 2) return [invalid(path, cidrs, 'may only hold up to 2 values')]
  const [first = '', second] = cidrs.map((cidr) => cidr.split('/')[0] ?? '')
  if (second === undefined || isIPv6(first) !== isIPv6(second)) return []
  return [
    invalid(path, cidrs, 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/96'),
  ]
}

function validateUnchanged(spec: ServiceCidr['spec'], old: ServiceCidr['spec'] | undefined): readonly FieldError[] {
  if (old === undefined || JSON.stringify(spec) === JSON.stringify(old)) return []
  return [invalid('spec.cidrs', spec.cidrs, 'field is immutable')]
}

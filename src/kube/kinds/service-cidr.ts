import { parseCidr } from '../../base/ip.ts'
import type { FieldError, KindDefinition } from '../kind.ts'
import { serviceCidrs } from '../resource.ts'
import type { ServiceCidr } from '../types/discovery.ts'
import { invalid, required } from '../validation/field-error.ts'
import { strictCidrErrors } from '../validation/ip-fields.ts'
import { ageColumn } from './printing.ts'

const PATH = 'spec.cidrs'
const IMMUTABLE = 'field is immutable'

/** networking.k8s.io/v1 ServiceCIDR: a range, per family, that ClusterIPs come from. */
export const serviceCidrKind: KindDefinition<ServiceCidr> = {
  resource: serviceCidrs,
  listKind: 'ServiceCIDRList',
  singular: 'servicecidr',
  subresources: ['status'],
  prepare(draft, old) {
    if (old === undefined) delete draft.status
  },
  validate: ({ spec }, old) =>
    old === undefined ? validateCidrs(spec?.cidrs ?? []) : validateChange(spec?.cidrs ?? [], old.spec.cidrs),
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
  if (cidrs.length === 0) return [required(PATH, 'at least one CIDR required')]
  // Upstream shows its whole spec here.
  if (cidrs.length > 2) return [invalid(PATH, { CIDRs: cidrs }, 'may only hold up to 2 values')]
  const errors = cidrs.flatMap((cidr, index) => strictCidrErrors(`${PATH}[${index}]`, cidr))
  const [first, second] = cidrs.map((cidr) => parseCidr(cidr)?.family)
  if (second === undefined || first !== second) return errors
  const text = 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64'
  return [...errors, invalid(PATH, cidrs, text)]
}

/** The ranges stay; one of the other family may come. */
function validateChange(now: readonly string[], before: readonly string[]): readonly FieldError[] {
  const changed = (count: number) =>
    now
      .slice(0, count)
      .flatMap((cidr, index) => (cidr === before[index] ? [] : [invalid(`${PATH}[${index}]`, cidr, IMMUTABLE)]))
  if (now.length === before.length) return changed(now.length)
  if (before.length === 1 && now.length === 2) return [...changed(1), ...validateCidrs(now)]
  return [invalid(PATH, now, IMMUTABLE)]
}

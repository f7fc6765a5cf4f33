import type { FieldError, KindDefinition } from '../kind.ts'
import { leases } from '../resource.ts'
import type { Lease } from '../types/discovery.ts'
import { invalid } from '../validation/field-error.ts'
import { ageColumn } from './printing.ts'

/** coordination.k8s.io/v1 Lease. */
export const leaseKind: KindDefinition<Lease> = {
  resource: leases,
  listKind: 'LeaseList',
  singular: 'lease',
  createdByPut: true,
  versionedPut: true,
  generation: false,
  validate: ({ spec }) => [
    ...atLeast('spec.leaseDurationSeconds', spec?.leaseDurationSeconds, 1, 'must be greater than 0'),
    ...atLeast('spec.leaseTransitions', spec?.leaseTransitions, 0, 'must be greater than or equal to 0'),
  ],
  columns: [
    {
      name: 'Holder',
      type: 'string',
      description: 'holderIdentity contains the identity of the holder of a current lease.',
      cell: (lease) => lease.spec?.holderIdentity ?? '',
    },
    ageColumn,
  ],
}

function atLeast(field: string, value: number | undefined, minimum: number, text: string): readonly FieldError[] {
  return value === undefined || value >= minimum ? [] : [invalid(field, value, text)]
}

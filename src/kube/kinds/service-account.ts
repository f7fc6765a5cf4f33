import type { KindDefinition } from '../kind.ts'
import { serviceAccounts } from '../resource.ts'
import type { ServiceAccount } from '../types/core.ts'
import { ageColumn } from './printing.ts'

/** v1 ServiceAccount. */
export const serviceAccountKind: KindDefinition<ServiceAccount> = {
  resource: serviceAccounts,
  listKind: 'ServiceAccountList',
  singular: 'serviceaccount',
  shortNames: ['sa'],
  subresources: ['token'],
  generation: false,
  columns: [
    {
      name: 'Secrets',
      type: 'string',
      description: 'Number of secrets that pods running as this account may use.',
      cell: (account) => (account.secrets ?? []).length,
    },
    ageColumn,
  ],
  mergeLists: { secrets: { keys: ['name'] } },
}

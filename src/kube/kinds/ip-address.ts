import type { FieldError, KindDefinition } from '../kind.ts'
import { ipAddresses } from '../resource.ts'
import type { IpAddress } from '../types/discovery.ts'
import { invalid, required } from '../validation/field-error.ts'
import { strictIpErrors } from '../validation/ip-fields.ts'
import { nameProblems, subdomainProblems } from '../validation/names.ts'
import { ageColumn } from './printing.ts'

const PATH = 'spec.parentRef'

/** networking.k8s.io/v1 IPAddress: creating the object is what takes the address. */
export const ipAddressKind: KindDefinition<IpAddress> = {
  resource: ipAddresses,
  listKind: 'IPAddressList',
  singular: 'ipaddress',
  shortNames: ['ip'],
  nameRule: 'ip',
  generation: false,
  validate: (address, old) => [
    ...(old === undefined ? strictIpErrors('metadata.name', address.metadata.name) : []),
    ...validateParent(address, old),
  ],
  selectableFields: {
    'spec.parentRef.group': ({ spec }) => spec.parentRef.group ?? '',
    'spec.parentRef.resource': ({ spec }) => spec.parentRef.resource,
    'spec.parentRef.namespace': ({ spec }) => spec.parentRef.namespace ?? '',
    'spec.parentRef.name': ({ spec }) => spec.parentRef.name,
  },
  columns: [
    {
      name: 'ParentRef',
      type: 'string',
      description: 'ParentRef references the resource that an IPAddress is attached to.',
      cell: ({ spec: { parentRef } }) =>
        [parentRef.resource, parentRef.group, parentRef.namespace, parentRef.name].filter((part) => part).join('/'),
    },
    ageColumn,
  ],
}

function validateParent({ spec }: IpAddress, old: IpAddress | undefined): readonly FieldError[] {
  const parent = spec?.parentRef
  if (old !== undefined) {
    const same = JSON.stringify(old.spec.parentRef) === JSON.stringify(parent)
    return same ? [] : [invalid(PATH, parent, 'field is immutable')]
  }
  if (parent === undefined) return [required(PATH)]
  const group = parent.group ? subdomainProblems(parent.group) : []
  return [
    ...group.map((text) => invalid(`${PATH}.group`, parent.group, text)),
    ...validateSegment(`${PATH}.resource`, parent.resource),
    ...validateSegment(`${PATH}.name`, parent.name),
    ...(parent.namespace ? validateSegment(`${PATH}.namespace`, parent.namespace) : []),
  ]
}

function validateSegment(field: string, value: string | undefined): readonly FieldError[] {
  if (!value) return [required(field)]
  return nameProblems('path-segment', value).map((text) => invalid(field, value, text))
}

import { isIP } from 'node:net'
import type { FieldError, KindDefinition } from '../kind.ts'
import { ipAddresses } from '../resource.ts'
import type { IpAddress } from '../types/discovery.ts'
import { ipProblems } from '../validation/addresses.ts'
import { invalid, required } from '../validation/field-error.ts'
import { nameProblems, subdomainProblems } from '../validation/names.ts'
import { ageColumn } from './printing.ts'

/** networking.k8s.io/v1 IPAddress: creating the object is what takes the address. */
export const ipAddressKind: KindDefinition<IpAddress> = {
  resource: ipAddresses,
  listKind: 'IPAddressList',
  singular: 'ipaddress',
  shortNames: ['ip'],
  nameRule: 'ip',
  generation: false,
  validate: (address, old) => [...validateName(address.metadata.name), ...validateParent(address, old)],
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

function validateName(name: string): readonly FieldError[] {
  const problems = ipProblems(name)
  if (problems.length > 0) return problems.map((text) => invalid('metadata.name', name, text))
  return isCanonical(name) ? [] : [invalid('metadata.name', name, 'must be a canonical format IP address')]
}

function isCanonical(ip: string): boolean {
  return isIP(ip) === 4 || new URL(`http://[${ip}]/`).hostname === `[${ip}]`
}

function validateParent({ spec }: IpAddress, old: IpAddress | undefined): readonly FieldError[] {
  const path = 'spec.parentRef'
  const parent = spec?.parentRef
  if (parent === undefined) return [required(path)]
  const errors = [
    ...(parent.group
      ? subdomainProblems(parent.group).map((text) => invalid(`${path}.group`, parent.group, text))
      : []),
    ...validateSegment(`${path}.resource`, parent.resource),
    ...validateSegment(`${path}.name`, parent.name),
    ...(parent.namespace ? validateSegment(`${path}.namespace`, parent.namespace) : []),
  ]
  if (old === undefined || JSON.stringify(old.spec.parentRef) === JSON.stringify(parent)) return errors
  return [...errors, invalid(path, parent, 'field is immutable')]
}

function validateSegment(field: string, value: string | undefined): readonly FieldError[] {
  if (!value) return [required(field)]
  return nameProblems('path-segment', value).map((text) => invalid(field, value, text))
}

import { isIPv4, isIPv6 } from 'node:net'
import type { FieldError, KindDefinition } from '../kind.ts'
import { endpointSlices } from '../resource.ts'
import type { Endpoint, EndpointSlice } from '../types/discovery.ts'
import { specialIpProblems } from '../validation/addresses.ts'
import { duplicate, invalid, notSupported, oneOf, required, tooMany } from '../validation/field-error.ts'
import { labelProblems, portNumberProblems, subdomainProblems } from '../validation/names.ts'
import { objectsIn, setDefault } from './draft.ts'
import { ageColumn, shortened } from './printing.ts'

const ADDRESS_TYPES = ['FQDN', 'IPv4', 'IPv6']

/** discovery.k8s.io/v1 EndpointSlice. */
export const endpointSliceKind: KindDefinition<EndpointSlice> = {
  resource: endpointSlices,
  listKind: 'EndpointSliceList',
  singular: 'endpointslice',
  generation: true,
  default(draft) {
    setDefault(draft, 'endpoints', [])
    for (const port of objectsIn(draft, 'ports')) {
      setDefault(port, 'name', '')
      setDefault(port, 'protocol', 'TCP')
    }
  },
  validate: (slice, old) => [...validateAddressType(slice, old), ...validateEndpoints(slice), ...validatePorts(slice)],
  columns: [
    {
      name: 'AddressType',
      type: 'string',
      description: 'addressType specifies the type of address carried by this EndpointSlice.',
      cell: (slice) => slice.addressType,
    },
    { name: 'Ports', type: 'string', description: 'Network ports exposed by each endpoint.', cell: portsCell },
    {
      name: 'Endpoints',
      type: 'string',
      description: 'List of unique endpoints in this slice.',
      cell: (slice) => cut((slice.endpoints ?? []).flatMap(({ addresses }) => addresses)),
    },
    ageColumn,
  ],
}

function validateAddressType(slice: EndpointSlice, old: EndpointSlice | undefined): readonly FieldError[] {
  if (slice.addressType === undefined) return [required('addressType')]
  if (!ADDRESS_TYPES.includes(slice.addressType)) return [notSupported('addressType', slice.addressType, ADDRESS_TYPES)]
  const changed = old !== undefined && old.addressType !== slice.addressType
  return changed ? [invalid('addressType', slice.addressType, 'field is immutable')] : []
}

function validateEndpoints({ endpoints, addressType }: EndpointSlice): readonly FieldError[] {
  const list = endpoints ?? []
  if (list.length > 1000) return [tooMany('endpoints', list.length, 1000)]
  return list.flatMap((endpoint, index) => validateEndpoint(endpoint, `endpoints[${index}]`, addressType))
}

function validateEndpoint(endpoint: Endpoint, path: string, type: EndpointSlice['addressType']): readonly FieldError[] {
  const addresses = endpoint.addresses ?? []
  const errors: FieldError[] = []
  if (addresses.length === 0) errors.push(required(`${path}.addresses`, 'must contain at least 1 address'))
  if (addresses.length > 100) errors.push(tooMany(`${path}.addresses`, addresses.length, 100))
  for (const [index, address] of addresses.entries()) {
    errors.push(...addressProblems(address, type).map((text) => invalid(`${path}.addresses[${index}]`, address, text)))
  }
  if (endpoint.hostname !== undefined) {
    errors.push(...labelProblems(endpoint.hostname).map((text) => invalid(`${path}.hostname`, endpoint.hostname, text)))
  }
  const zones = endpoint.hints?.forZones ?? []
  if (zones.length > 8) errors.push(tooMany(`${path}.hints.forZones`, zones.length, 8))
  return errors
}

function addressProblems(address: string, type: EndpointSlice['addressType']): readonly string[] {
  if (type === 'FQDN') return subdomainProblems(address)
  if (type === 'IPv4' && !isIPv4(address)) return ['must be an IPv4 address']
  if (type === 'IPv6' && !isIPv6(address)) return ['must be an IPv6 address']
  return specialIpProblems(address)
}

function validatePorts({ ports }: EndpointSlice): readonly FieldError[] {
  const list = ports ?? []
  if (list.length > 100) return [tooMany('ports', list.length, 100)]
  const names = new Set<string>()
  return list.flatMap((port, index) => {
    const path = `ports[${index}]`
    const name = port.name ?? ''
    const repeated = names.has(name) ? [duplicate(`${path}.name`, name)] : []
    names.add(name)
    return [
      ...(name === '' ? [] : labelProblems(name).map((text) => invalid(`${path}.name`, name, text))),
      ...repeated,
      ...(port.port === undefined
        ? []
        : portNumberProblems(port.port).map((text) => invalid(`${path}.port`, port.port, text))),
      ...oneOf(`${path}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']),
    ]
  })
}

function portsCell({ ports }: EndpointSlice): string {
  if ((ports ?? []).length === 0) return '<unset>'
  return cut((ports ?? []).map(({ name, port }) => (port === undefined ? (name ?? '*') : String(port))))
}

function cut(items: readonly string[]): string {
  return items.length === 0 ? '<unset>' : shortened(items, 3)
}

import type { FieldError, KindDefinition } from '../kind.ts'
import { endpointSlices } from '../resource.ts'
import type { Endpoint, EndpointSlice } from '../types/discovery.ts'
import { specialIpProblems } from '../validation/addresses.ts'
import { duplicate, invalid, oneOf, required, tooMany } from '../validation/field-error.ts'
import { legacyIpErrors, strictIpErrors } from '../validation/ip-fields.ts'
import { labelProblems, labelValueProblems, qualifiedNameProblems, subdomainProblems } from '../validation/names.ts'
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
  validate: validateSlice,
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

/** Upstream `ValidateEndpointSliceCreate` and `…Update`; endpoints that were stored stay, whatever the rules have become. */
function validateSlice(slice: EndpointSlice, old: EndpointSlice | undefined): readonly FieldError[] {
  const endpoints = validateEndpoints(slice)
  const known = endpoints.length > 0 && JSON.stringify(slice.endpoints) === JSON.stringify(old?.endpoints)
  const changed = old !== undefined && old.addressType !== slice.addressType
  return [
    ...validateAddressType(slice.addressType),
    ...validatePorts(slice),
    ...(known ? [] : endpoints),
    ...(changed ? [invalid('addressType', slice.addressType, 'field is immutable')] : []),
  ]
}

function validateAddressType(type: string | undefined): readonly FieldError[] {
  return type ? oneOf('addressType', type, ADDRESS_TYPES) : [required('addressType')]
}

function validateEndpoints({ endpoints, addressType }: EndpointSlice): readonly FieldError[] {
  const list = endpoints ?? []
  if (list.length > 1000) return [tooMany('endpoints', list.length, 1000)]
  return list.flatMap((endpoint, index) => validateEndpoint(endpoint, `endpoints[${index}]`, addressType))
}

function validateEndpoint(endpoint: Endpoint, path: string, type: EndpointSlice['addressType']): readonly FieldError[] {
  const { addresses = [], nodeName, hostname, hints } = endpoint
  const at = `${path}.addresses`
  return [
    ...(addresses.length === 0 ? [required(at, 'must contain at least 1 address')] : []),
    ...(addresses.length > 100 ? [tooMany(at, addresses.length, 100)] : []),
    ...addresses.flatMap((address, index) => validateAddress(address, { list: at, path: `${at}[${index}]`, type })),
    ...(nodeName === undefined
      ? []
      : subdomainProblems(nodeName).map((text) => invalid(`${path}.nodeName`, nodeName, text))),
    ...(hostname === undefined
      ? []
      : labelProblems(hostname).map((text) => invalid(`${path}.hostname`, hostname, text))),
    ...(hints === undefined ? [] : validateHints(hints, `${path}.hints`)),
  ]
}

interface AddressPlace {
  readonly list: string
  readonly path: string
  readonly type: EndpointSlice['addressType']
}

function validateAddress(address: string, { list, path, type }: AddressPlace): readonly FieldError[] {
  if (type === 'FQDN') return validateDomain(address, path)
  if (type !== 'IPv4' && type !== 'IPv6') return []
  const errors = type === 'IPv4' ? legacyIpErrors(path, address) : strictIpErrors(path, address)
  if (errors.length > 0) return errors
  const other = address.includes(':') !== (type === 'IPv6')
  return [
    ...(other ? [invalid(list, address, `must be an ${type} address`)] : []),
    ...specialIpProblems(address).map((text) => invalid(path, address, text)),
  ]
}

/** At least two labels, with a dot at the end or without. */
function validateDomain(text: string, path: string): readonly FieldError[] {
  if (text === '') return [required(path)]
  const name = text.replace(/\.$/, '')
  const problems = subdomainProblems(name)
  if (problems.length > 0) return [invalid(path, name, problems.join(','))]
  const labels = name.split('.')
  if (labels.length < 2) return [invalid(path, name, 'should be a domain with at least two segments separated by dots')]
  const wrong = labels.find((label) => labelProblems(label).length > 0)
  return wrong === undefined ? [] : [invalid(path, wrong, labelProblems(wrong).join(','))]
}

function validateHints(hints: NonNullable<Endpoint['hints']>, path: string): readonly FieldError[] {
  const { forZones = [], forNodes = [] } = hints
  if (forZones.length > 8) return [tooMany(`${path}.forZones`, forZones.length, 8)]
  const zones = validateHintNames(forZones, `${path}.forZones`, labelValueProblems)
  if (forNodes.length > 8) return [...zones, tooMany(`${path}.forNodes`, forNodes.length, 8)]
  return [...zones, ...validateHintNames(forNodes, `${path}.forNodes`, subdomainProblems)]
}

function validateHintNames(
  list: readonly { readonly name: string }[],
  path: string,
  problems: (name: string) => readonly string[],
): readonly FieldError[] {
  const names = list.map(({ name }) => name)
  return names.flatMap((name, index) => {
    const field = `${path}[${index}].name`
    const repeated = names.indexOf(name) < index ? [duplicate(field, name)] : []
    return [...repeated, ...problems(name).map((text) => invalid(field, name, text))]
  })
}

function validatePorts({ ports }: EndpointSlice): readonly FieldError[] {
  const list = ports ?? []
  if (list.length > 20_000) return [tooMany('ports', list.length, 20_000)]
  const names = new Set<string>()
  return list.flatMap(({ name = '', protocol, appProtocol }, index) => {
    const path = `ports[${index}]`
    const repeated = names.has(name) ? [duplicate(`${path}.name`, name)] : []
    names.add(name)
    const application = appProtocol === undefined ? [] : qualifiedNameProblems(appProtocol)
    return [
      ...(name === '' ? [] : labelProblems(name).map((text) => invalid(`${path}.name`, name, text))),
      ...repeated,
      ...oneOf(`${path}.protocol`, protocol, ['SCTP', 'TCP', 'UDP']),
      ...application.map((text) => invalid(`${path}.appProtocol`, appProtocol, text)),
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

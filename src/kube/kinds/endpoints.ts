import { hostPort } from '../../base/ip.ts'
import type { FieldError, KindDefinition } from '../kind.ts'
import { endpoints } from '../resource.ts'
import type { EndpointAddress, Endpoints } from '../types/core.ts'
import { specialIpProblems } from '../validation/addresses.ts'
import { invalid, oneOf, required } from '../validation/field-error.ts'
import { legacyIpErrors } from '../validation/ip-fields.ts'
import { labelProblems, portNumberProblems, qualifiedNameProblems, subdomainProblems } from '../validation/names.ts'
import { objectsIn, setDefault } from './draft.ts'
import { ageColumn, shortened } from './printing.ts'

/** v1 Endpoints. */
export const endpointsKind: KindDefinition<Endpoints> = {
  resource: endpoints,
  listKind: 'EndpointsList',
  singular: 'endpoints',
  createdByPut: true,
  shortNames: ['ep'],
  deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  default(draft) {
    for (const subset of objectsIn(draft, 'subsets')) {
      for (const port of objectsIn(subset, 'ports')) setDefault(port, 'protocol', 'TCP')
    }
  },
  validate: validateEndpoints,
  columns: [
    { name: 'Endpoints', type: 'string', description: 'Addresses and ports that serve.', cell: endpointsCell },
    ageColumn,
  ],
}

type Subset = NonNullable<Endpoints['subsets']>[number]

/** What was stored stays, whatever the rules have become since. */
function validateEndpoints(object: Endpoints, old: Endpoints | undefined): readonly FieldError[] {
  const errors = (object.subsets ?? []).flatMap(validateSubset)
  if (errors.length === 0 || JSON.stringify(object.subsets) === JSON.stringify(old?.subsets)) return []
  return errors
}

function validateSubset(subset: Subset, index: number): readonly FieldError[] {
  const path = `subsets[${index}]`
  const { addresses = [], notReadyAddresses = [], ports = [] } = subset
  const none = addresses.length === 0 && notReadyAddresses.length === 0
  return [
    ...(none ? [required(path, 'must specify `addresses` or `notReadyAddresses`')] : []),
    ...addresses.flatMap((address, at) => validateAddress(address, `${path}.addresses[${at}]`)),
    ...notReadyAddresses.flatMap((address, at) => validateAddress(address, `${path}.notReadyAddresses[${at}]`)),
    ...ports.flatMap((port, at) => validatePort(port, `${path}.ports[${at}]`, ports.length > 1)),
  ]
}

function validateAddress({ ip, hostname, nodeName }: EndpointAddress, path: string): readonly FieldError[] {
  return [
    ...legacyIpErrors(`${path}.ip`, ip),
    ...(hostname ? labelProblems(hostname).map((text) => invalid(`${path}.hostname`, hostname, text)) : []),
    ...(nodeName === undefined
      ? []
      : subdomainProblems(nodeName).map((text) => invalid(`${path}.nodeName`, nodeName, text))),
    ...specialIpProblems(ip ?? '').map((text) => invalid(`${path}.ip`, ip, text)),
  ]
}

function validatePort(port: NonNullable<Subset['ports']>[number], path: string, named: boolean): readonly FieldError[] {
  const { name = '', protocol, appProtocol } = port
  return [
    ...(name === ''
      ? named
        ? [required(`${path}.name`)]
        : []
      : labelProblems(name).map((text) => invalid(`${path}.name`, name, text))),
    ...portNumberProblems(port.port).map((text) => invalid(`${path}.port`, port.port ?? 0, text)),
    ...oneOf(`${path}.protocol`, protocol, ['SCTP', 'TCP', 'UDP']),
    ...(appProtocol === undefined
      ? []
      : qualifiedNameProblems(appProtocol).map((text) => invalid(`${path}.appProtocol`, appProtocol, text))),
  ]
}

function endpointsCell({ subsets }: Endpoints): string {
  const all = (subsets ?? []).flatMap(({ addresses, ports }) => {
    const list = ports ?? []
    if (list.length === 0) return (addresses ?? []).map(({ ip }) => ip)
    return list.flatMap(({ port }) => (addresses ?? []).map(({ ip }) => hostPort(ip, port)))
  })
  return shortened(all, 3)
}

import type { FieldError, KindDefinition } from '../kind.ts'
import { endpoints } from '../resource.ts'
import type { Endpoints } from '../types/core.ts'
import { ipProblems } from '../validation/addresses.ts'
import { invalid, oneOf } from '../validation/field-error.ts'
import { portNumberProblems } from '../validation/names.ts'
import { objectsIn, setDefault } from './draft.ts'
import { ageColumn, hostPort, shortened } from './printing.ts'

/** v1 Endpoints. */
export const endpointsKind: KindDefinition<Endpoints> = {
  resource: endpoints,
  listKind: 'EndpointsList',
  singular: 'endpoints',
  shortNames: ['ep'],
  default(draft) {
    for (const subset of objectsIn(draft, 'subsets')) {
      for (const port of objectsIn(subset, 'ports')) setDefault(port, 'protocol', 'TCP')
    }
  },
  validate: (object) => (object.subsets ?? []).flatMap(validateSubset),
  columns: [
    { name: 'Endpoints', type: 'string', description: 'Addresses and ports that serve.', cell: endpointsCell },
    ageColumn,
  ],
}

type Subset = NonNullable<Endpoints['subsets']>[number]

function validateSubset(subset: Subset, index: number): readonly FieldError[] {
  const path = `subsets[${index}]`
  const lists = [
    ['addresses', subset.addresses ?? []],
    ['notReadyAddresses', subset.notReadyAddresses ?? []],
  ] as const
  const addresses = lists.flatMap(([field, list]) =>
    list.flatMap(({ ip }, at) => ipProblems(ip).map((text) => invalid(`${path}.${field}[${at}].ip`, ip, text))),
  )
  const ports = (subset.ports ?? []).flatMap((port, at) => [
    ...portNumberProblems(port.port).map((text) => invalid(`${path}.ports[${at}].port`, port.port, text)),
    ...oneOf(`${path}.ports[${at}].protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']),
  ])
  return [...addresses, ...ports]
}

function endpointsCell({ subsets }: Endpoints): string {
  const all = (subsets ?? []).flatMap(({ addresses, ports }) => {
    const list = ports ?? []
    if (list.length === 0) return (addresses ?? []).map(({ ip }) => ip)
    return list.flatMap(({ port }) => (addresses ?? []).map(({ ip }) => hostPort(ip, port)))
  })
  return shortened(all, 3)
}

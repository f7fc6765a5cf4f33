import type { KindDefinition } from '../kind.ts'
import { services } from '../resource.ts'
import type { Service } from '../types/core.ts'
import { ageColumn, labelsCell } from './printing.ts'
import { defaultService } from './service-defaults.ts'
import { reasonColumn } from './service-reason.ts'
import { prepareService } from './service-update.ts'
import { validateService } from './service-validation.ts'
import { serviceWarnings } from './service-warnings.ts'

/** v1 Service. Addresses and ports are allocated by the API server's service allocation, not here. */
export const serviceKind: KindDefinition<Service> = {
  resource: services,
  listKind: 'ServiceList',
  singular: 'service',
  createdByPut: true,
  shortNames: ['svc'],
  categories: ['all'],
  subresources: ['status', 'proxy'],
  // KEP-5311: 1.36 takes names that start with a digit.
  nameRule: 'label',
  generation: false,
  default: defaultService,
  prepare: prepareService,
  validate: validateService,
  warnings: serviceWarnings,
  selectableFields: {
    'spec.clusterIP': (service) => service.spec.clusterIP ?? '',
    'spec.type': (service) => service.spec.type ?? '',
  },
  columns: [
    {
      name: 'Type',
      type: 'string',
      description: 'type determines how the Service is exposed.',
      cell: (service) => service.spec.type ?? '',
    },
    {
      name: 'Cluster-IP',
      type: 'string',
      description: 'clusterIP is the IP address of the service.',
      cell: (service) => service.spec.clusterIPs?.[0] ?? (service.spec.clusterIP || '<none>'),
    },
    {
      name: 'External-IP',
      type: 'string',
      description: 'Addresses that lead here from outside.',
      cell: externalIpCell,
    },
    { name: 'Port(s)', type: 'string', description: 'The ports exposed by this service.', cell: portsCell },
    ageColumn,
    {
      name: 'Selector',
      type: 'string',
      priority: 1,
      description: 'Route service traffic to pods with label keys and values matching this selector.',
      cell: (service) => labelsCell(service.spec.selector),
    },
    reasonColumn,
  ],
  mergeLists: {
    'spec.ports': { keys: ['port', 'protocol'], patchKey: 'port' },
    'status.conditions': { keys: ['type'] },
  },
}

function externalIpCell({ spec, status }: Service): string {
  const external = spec.externalIPs ?? []
  if (spec.type === 'ExternalName') return spec.externalName ?? '<none>'
  if (spec.type !== 'LoadBalancer') return external.length === 0 ? '<none>' : external.join(',')
  const ingress = (status?.loadBalancer?.ingress ?? []).map((each) => each.ip || each.hostname || '')
  const all = [...ingress.filter((each) => each !== ''), ...external]
  return all.length === 0 ? '<pending>' : [...new Set(all)].join(',')
}

function portsCell({ spec }: Service): string {
  const ports = spec.ports ?? []
  if (ports.length === 0) return '<none>'
  return ports
    .map(({ port, nodePort, protocol }) => (nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`))
    .join(',')
}

import type { KindDefinition } from '../kind.ts'
import { ingresses } from '../resource.ts'
import type { Ingress } from '../types/networking.ts'
import { validateIngress } from './ingress-validation.ts'
import { ageColumn, shortened } from './printing.ts'

/** networking.k8s.io/v1 Ingress (served for controllers that users bring). */
export const ingressKind: KindDefinition<Ingress> = {
  resource: ingresses,
  listKind: 'IngressList',
  singular: 'ingress',
  shortNames: ['ing'],
  subresources: ['status'],
  prepare(draft, old) {
    if (old === undefined) draft.status = { loadBalancer: {} }
  },
  validate: validateIngress,
  columns: [
    {
      name: 'Class',
      type: 'string',
      description: 'The name of the IngressClass resource that should be used for additional configuration',
      cell: ({ spec }) => spec.ingressClassName ?? '<none>',
    },
    { name: 'Hosts', type: 'string', description: 'Hosts that incoming requests are matched against', cell: hostsCell },
    { name: 'Address', type: 'string', description: 'Address where it is reached', cell: addressCell },
    {
      name: 'Ports',
      type: 'string',
      description: 'Ports of TLS configurations that open',
      cell: ({ spec }) => ((spec.tls ?? []).length > 0 ? '80, 443' : '80'),
    },
    ageColumn,
  ],
}

function hostsCell({ spec }: Ingress): string {
  const hosts = (spec.rules ?? []).flatMap(({ host }) => (host ? [host] : []))
  return hosts.length === 0 ? '*' : shortened(hosts, 3)
}

function addressCell({ status }: Ingress): string {
  const all = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '')
  return all.filter((each) => each !== '').join(',')
}

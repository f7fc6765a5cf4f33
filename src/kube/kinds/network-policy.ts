import type { Draft, FieldError, KindDefinition } from '../kind.ts'
import { networkPolicies } from '../resource.ts'
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../types/networking.ts'
import { cidrProblems } from '../validation/addresses.ts'
import { forbidden, invalid, oneOf, required } from '../validation/field-error.ts'
import { portNameProblems, portNumberProblems } from '../validation/names.ts'
import { validateLabels } from '../validation/object-meta.ts'
import { ensureObject, objectIn, objectsIn, setDefault } from './draft.ts'
import { ageColumn, selectorCell } from './printing.ts'

/** networking.k8s.io/v1 NetworkPolicy (served; nothing enforces it). */
export const networkPolicyKind: KindDefinition<NetworkPolicy> = {
  resource: networkPolicies,
  listKind: 'NetworkPolicyList',
  singular: 'networkpolicy',
  shortNames: ['netpol'],
  generation: true,
  default: defaultPolicy,
  validate: ({ spec }) => validateSpec(spec),
  columns: [
    {
      name: 'Pod-Selector',
      type: 'string',
      description: 'The pods that this policy is for',
      cell: ({ spec }) => selectorCell(spec.podSelector),
    },
    ageColumn,
  ],
}

function defaultPolicy(draft: Draft): void {
  const spec = objectIn(draft, 'spec')
  if (spec === undefined) return
  ensureObject(spec, 'podSelector')
  const egress = objectsIn(spec, 'egress')
  for (const rule of [...objectsIn(spec, 'ingress'), ...egress]) {
    for (const port of objectsIn(rule, 'ports')) setDefault(port, 'protocol', 'TCP')
  }
  setDefault(spec, 'policyTypes', egress.length > 0 ? ['Ingress', 'Egress'] : ['Ingress'])
}

function validateSpec(spec: NetworkPolicy['spec'] | undefined): readonly FieldError[] {
  if (spec === undefined) return [required('spec')]
  const types = spec.policyTypes ?? []
  return [
    ...validateLabels(spec.podSelector?.matchLabels, 'spec.podSelector.matchLabels'),
    ...(spec.ingress ?? []).flatMap(({ ports, from }, index) =>
      validateRule({ ports: ports ?? [], peers: from ?? [] }, `spec.ingress[${index}]`, 'from'),
    ),
    ...(spec.egress ?? []).flatMap(({ ports, to }, index) =>
      validateRule({ ports: ports ?? [], peers: to ?? [] }, `spec.egress[${index}]`, 'to'),
    ),
    ...(types.length > 2 ? [invalid('spec.policyTypes', types, 'may not specify more than two policyTypes')] : []),
    ...types.flatMap((type, index) => oneOf(`spec.policyTypes[${index}]`, type, ['Egress', 'Ingress'])),
  ]
}

interface Rule {
  readonly ports: readonly NetworkPolicyPort[]
  readonly peers: readonly NetworkPolicyPeer[]
}

function validateRule({ ports, peers }: Rule, path: string, side: 'from' | 'to'): readonly FieldError[] {
  return [
    ...ports.flatMap((port, index) => validatePort(port, `${path}.ports[${index}]`)),
    ...peers.flatMap((peer, index) => validatePeer(peer, `${path}.${side}[${index}]`)),
  ]
}

function validatePort({ protocol, port, endPort }: NetworkPolicyPort, path: string): readonly FieldError[] {
  const problems =
    port === undefined ? [] : typeof port === 'string' ? portNameProblems(port) : portNumberProblems(port)
  return [
    ...oneOf(`${path}.protocol`, protocol, ['SCTP', 'TCP', 'UDP']),
    ...problems.map((text) => invalid(`${path}.port`, port, text)),
    ...validateEnd(port, endPort, path),
  ]
}

function validateEnd(port: number | string | undefined, end: number | undefined, path: string): readonly FieldError[] {
  if (end === undefined) return []
  if (port === undefined) return [required(`${path}.port`, 'must be specified when endPort is specified')]
  if (typeof port === 'string')
    return [invalid(`${path}.endPort`, end, 'may not be specified when `port` is non-numeric')]
  const problems = portNumberProblems(end).map((text) => invalid(`${path}.endPort`, end, text))
  if (end >= port) return problems
  return [...problems, invalid(`${path}.endPort`, port, 'must be greater than or equal to `port`')]
}

function validatePeer(
  { podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer,
  path: string,
): readonly FieldError[] {
  const selects = podSelector !== undefined || namespaceSelector !== undefined
  if (!selects && ipBlock === undefined) return [required(path, 'must specify a peer')]
  if (selects && ipBlock !== undefined) {
    return [forbidden(path, 'may not specify both ipBlock and another peer')]
  }
  if (ipBlock === undefined) return []
  return [
    ...cidrProblems(ipBlock.cidr).map((text) => invalid(`${path}.ipBlock.cidr`, ipBlock.cidr, text)),
    ...(ipBlock.except ?? []).flatMap((cidr, index) =>
      cidrProblems(cidr).map((text) => invalid(`${path}.ipBlock.except[${index}]`, cidr, text)),
    ),
  ]
}

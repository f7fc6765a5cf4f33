import { cidrContains, parseCidr } from '../../base/ip.ts'
import type { Draft, FieldError, KindDefinition } from '../kind.ts'
import { networkPolicies } from '../resource.ts'
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../types/networking.ts'
import { forbidden, invalid, oneOf, required } from '../validation/field-error.ts'
import { legacyCidrErrors } from '../validation/ip-fields.ts'
import { validateLabelSelector } from '../validation/label-selector.ts'
import { portNameProblems, portNumberProblems } from '../validation/names.ts'
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
  validate: ({ spec }, old) => validateSpec(spec, rangesOf(old)),
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

/** Ranges that were there may stay, and move within the policy. */
function rangesOf(policy: NetworkPolicy | undefined): readonly string[] {
  const peers = [
    ...(policy?.spec.ingress ?? []).flatMap(({ from }) => from ?? []),
    ...(policy?.spec.egress ?? []).flatMap(({ to }) => to ?? []),
  ]
  return peers.flatMap(({ ipBlock }) => (ipBlock === undefined ? [] : [ipBlock.cidr, ...(ipBlock.except ?? [])]))
}

function validateSpec(spec: NetworkPolicy['spec'] | undefined, kept: readonly string[]): readonly FieldError[] {
  if (spec === undefined) return [required('spec')]
  return [
    ...validateLabelSelector(spec.podSelector ?? {}, 'spec.podSelector'),
    ...(spec.ingress ?? []).flatMap(({ ports, from }, index) =>
      validateRule({ ports: ports ?? [], peers: from ?? [], kept }, `spec.ingress[${index}]`, 'from'),
    ),
    ...(spec.egress ?? []).flatMap(({ ports, to }, index) =>
      validateRule({ ports: ports ?? [], peers: to ?? [], kept }, `spec.egress[${index}]`, 'to'),
    ),
    ...validateTypes(spec.policyTypes ?? []),
  ]
}

function validateTypes(types: readonly string[]): readonly FieldError[] {
  if (types.length > 2) return [invalid('spec.policyTypes', types, 'may not specify more than two policyTypes')]
  return types.flatMap((type, index) => oneOf(`spec.policyTypes[${index}]`, type, ['Ingress', 'Egress']))
}

interface Rule {
  readonly ports: readonly NetworkPolicyPort[]
  readonly peers: readonly NetworkPolicyPeer[]
  readonly kept: readonly string[]
}

function validateRule({ ports, peers, kept }: Rule, path: string, side: 'from' | 'to'): readonly FieldError[] {
  return [
    ...ports.flatMap((port, index) => validatePort(port, `${path}.ports[${index}]`)),
    ...peers.flatMap((peer, index) => validatePeer(peer, `${path}.${side}[${index}]`, kept)),
  ]
}

function validatePort({ protocol, port, endPort }: NetworkPolicyPort, path: string): readonly FieldError[] {
  const unknown = oneOf(`${path}.protocol`, protocol, ['TCP', 'UDP', 'SCTP'])
  const end = (text: string) => (endPort === undefined ? [] : [invalid(`${path}.endPort`, endPort, text)])
  if (port === undefined) return [...unknown, ...end('may not be specified when `port` is not specified')]
  if (typeof port === 'string') {
    const problems = portNameProblems(port).map((text) => invalid(`${path}.port`, port, text))
    return [...unknown, ...end('may not be specified when `port` is non-numeric'), ...problems]
  }
  return [
    ...unknown,
    ...portNumberProblems(port).map((text) => invalid(`${path}.port`, port, text)),
    ...(endPort !== undefined && endPort < port ? end('must be greater than or equal to `port`') : []),
    ...(endPort === undefined ? [] : portNumberProblems(endPort).flatMap(end)),
  ]
}

function validatePeer(peer: NetworkPolicyPeer, path: string, kept: readonly string[]): readonly FieldError[] {
  const { podSelector, namespaceSelector, ipBlock } = peer
  const selects = podSelector !== undefined || namespaceSelector !== undefined
  const errors = [
    ...(podSelector === undefined ? [] : validateLabelSelector(podSelector, `${path}.podSelector`)),
    ...(namespaceSelector === undefined ? [] : validateLabelSelector(namespaceSelector, `${path}.namespaceSelector`)),
    ...(ipBlock === undefined ? [] : validateIpBlock(ipBlock, `${path}.ipBlock`, kept)),
  ]
  if (!selects && ipBlock === undefined) return [...errors, required(path, 'must specify a peer')]
  if (!selects || ipBlock === undefined) return errors
  return [...errors, forbidden(path, 'may not specify both ipBlock and another peer')]
}

function validateIpBlock(
  { cidr, except }: NonNullable<NetworkPolicyPeer['ipBlock']>,
  path: string,
  kept: readonly string[],
): readonly FieldError[] {
  if (!cidr) return [required(`${path}.cidr`)]
  const errors = legacyCidrErrors(`${path}.cidr`, cidr, kept)
  const whole = parseCidr(cidr)
  if (whole === undefined) return errors
  const exceptions = (except ?? []).flatMap((text, index) => {
    const at = `${path}.except[${index}]`
    const part = parseCidr(text)
    const outside = part !== undefined && !(cidrContains(whole, part.network) && whole.prefixLength < part.prefixLength)
    return [
      ...legacyCidrErrors(at, text, kept),
      ...(outside ? [invalid(at, text, 'must be a strict subset of `cidr`')] : []),
    ]
  })
  return [...errors, ...exceptions]
}

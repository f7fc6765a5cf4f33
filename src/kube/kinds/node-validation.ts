import { parseCidr } from '../../base/ip.ts'
import type { FieldError } from '../kind.ts'
import type { Node } from '../types/core.ts'
import { duplicate, forbidden, invalid, oneOf, required } from '../validation/field-error.ts'
import { legacyCidrErrors } from '../validation/ip-fields.ts'
import { labelValueProblems, qualifiedNameProblems } from '../validation/names.ts'
import { validateNodeAmounts } from '../validation/resource-list.ts'

type Taint = NonNullable<NonNullable<Node['spec']>['taints']>[number]

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute']

/** Upstream `ValidateNode` and `ValidateNodeUpdate`. */
export function validateNode(node: Node, old: Node | undefined): readonly FieldError[] {
  const taints = [...validateTaints(node.spec?.taints ?? []), ...validateResources(node)]
  if (old === undefined) return [...taints, ...validatePodCidrs(node.spec?.podCIDRs ?? [])]
  return [...validateAddresses(node), ...validateChange(node, old), ...taints]
}

function validateResources({ status }: Node): readonly FieldError[] {
  return [
    ...validateNodeAmounts(status?.capacity ?? {}, 'status.capacity'),
    ...validateNodeAmounts(status?.allocatable ?? {}, 'status.allocatable'),
  ]
}

/** The path is upstream's, who looks for taints in the metadata. */
function validateTaints(taints: readonly Taint[]): readonly FieldError[] {
  return taints.flatMap((taint, index) => {
    const path = `metadata.taints[${index}]`
    const { key, value = '', effect } = taint
    const values = labelValueProblems(value)
    const repeated = taints.slice(0, index).some((each) => each.key === key && each.effect === effect)
    const twice = { ...duplicate(path, taint), detail: 'taints must be unique by key and effect pair' }
    return [
      ...qualifiedNameProblems(key ?? '').map((text) => invalid(`${path}.key`, key ?? '', text)),
      ...(values.length > 0 ? [invalid(`${path}.value`, value, values.join(';'))] : []),
      ...(effect ? oneOf(`${path}.effect`, effect, EFFECTS) : [required(`${path}.effect`)]),
      ...(repeated ? [twice] : []),
    ]
  })
}

function validatePodCidrs(cidrs: readonly string[]): readonly FieldError[] {
  const path = 'spec.podCIDRs'
  const errors = cidrs.flatMap((cidr, index) => legacyCidrErrors(`${path}[${index}]`, cidr))
  const families = new Set(cidrs.map((cidr) => parseCidr(cidr)?.family))
  if (errors.length > 0 || cidrs.length < 2 || (cidrs.length === 2 && families.size === 2)) return errors
  return [invalid(path, cidrs, 'may specify no more than one CIDR for each IP family')]
}

function validateAddresses({ status }: Node): readonly FieldError[] {
  const addresses = status?.addresses ?? []
  return addresses.flatMap((address, index) => {
    const before = addresses.slice(0, index)
    const repeated = before.some((each) => each.type === address.type && each.address === address.address)
    const shown = { Type: address.type, Address: address.address }
    return repeated ? [duplicate(`status.addresses[${index}]`, shown)] : []
  })
}

function validateChange(node: Node, old: Node): readonly FieldError[] {
  const before = old.spec?.podCIDRs ?? []
  const errors: FieldError[] = []
  if (before.length > 0 && JSON.stringify(before) !== JSON.stringify(node.spec?.podCIDRs ?? [])) {
    errors.push(forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'))
  }
  if (old.spec?.providerID && old.spec.providerID !== node.spec?.providerID) {
    errors.push(forbidden('spec.providerID', 'node updates may not change providerID except from "" to valid'))
  }
  return errors
}

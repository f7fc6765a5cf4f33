import type { FieldError } from '../kind.ts'
import { compareQuantities, parseQuantity } from '../quantity.ts'
import { forbidden, invalid, required } from './field-error.ts'
import { qualifiedNameProblems } from './names.ts'

/** Amounts by name of what is counted, as core/v1 ResourceList has them. */
export type ResourceList = Readonly<Record<string, string | number>>

export interface ResourceRequirements {
  readonly limits?: ResourceList
  readonly requests?: ResourceList
}

const COMPUTE = ['cpu', 'memory', 'ephemeral-storage']
/** Names without a domain that are known somewhere: to containers, nodes or quotas. */
const STANDARD = new Set([
  ...COMPUTE,
  ...['requests', 'limits'].flatMap((kind) => COMPUTE.map((name) => `${kind}.${name}`)),
  ...['storage', 'requests.storage', 'pods', 'resourcequotas', 'services', 'replicationcontrollers', 'secrets'],
  ...['configmaps', 'persistentvolumeclaims', 'services.nodeports', 'services.loadbalancers'],
])
/** What there is only whole. */
const WHOLE = new Set([
  ...['pods', 'resourcequotas', 'services', 'replicationcontrollers', 'secrets', 'configmaps'],
  ...['persistentvolumeclaims', 'services.nodeports', 'services.loadbalancers'],
])
const HUGE_PAGES = 'hugepages-'

/** Rules of a container's `resources` at `path` (upstream `ValidateResourceRequirements`). */
export function validateRequirements(
  { limits = {}, requests = {} }: ResourceRequirements,
  path: string,
): readonly FieldError[] {
  const named = [...Object.keys(limits), ...Object.keys(requests)]
  const aloneHuge = named.some(isHugePages) && !named.some((name) => name === 'cpu' || name === 'memory')
  return [
    ...validateAmounts(limits, `${path}.limits`),
    ...validateAmounts(requests, `${path}.requests`),
    ...Object.keys(requests).flatMap((name) => validateRequest(name, { limits, requests }, path)),
    ...(aloneHuge ? [forbidden(path, 'HugePages require cpu or memory')] : []),
  ]
}

/** Amounts of a node, at `path` (upstream `ValidateNodeResources`, which writes the path with dots). */
export function validateNodeAmounts(amounts: ResourceList, path: string): readonly FieldError[] {
  return Object.entries(amounts).flatMap(([name, amount]) => validateAmount(name, amount, `${path}.${name}`))
}

function validateAmounts(amounts: ResourceList, path: string): readonly FieldError[] {
  return Object.entries(amounts).flatMap(([name, amount]) => {
    const at = `${path}[${name}]`
    return [...validateName(name, at), ...validateAmount(name, amount, at)]
  })
}

function validateName(name: string, path: string): readonly FieldError[] {
  const problems = qualifiedNameProblems(name).map((text) => invalid(path, name, text))
  if (problems.length > 0) return problems
  if (name.includes('/')) {
    if (isNative(name) || isExtended(name)) return []
    return [invalid(path, name, "doesn't follow extended resource name standard")]
  }
  const known = STANDARD.has(name) || isHugePages(name)
  return [
    ...(known ? [] : [invalid(path, name, 'must be a standard resource type or fully qualified')]),
    ...(COMPUTE.includes(name) || isHugePages(name)
      ? []
      : [invalid(path, name, 'must be a standard resource for containers')]),
  ]
}

function validateAmount(name: string, amount: string | number, path: string): readonly FieldError[] {
  const { nanos } = parseQuantity(amount)
  const whole = nanos % 1_000_000_000n === 0n
  return [
    ...(nanos < 0n ? [invalid(path, amount, 'must be greater than or equal to 0')] : []),
    ...(!whole && (WHOLE.has(name) || isExtended(name)) ? [invalid(path, amount, 'must be an integer')] : []),
  ]
}

/** What cannot be given twice must be asked for as much as it is limited to. */
function validateRequest(name: string, { limits, requests }: Required<ResourceRequirements>, path: string) {
  const [asked, most] = [requests[name], limits[name]]
  if (asked === undefined) return []
  const shared = isNative(name) && !isHugePages(name)
  if (most === undefined) {
    return shared ? [] : [required(`${path}.limits`, 'Limit must be set for non overcommitable resources')]
  }
  const order = compareQuantities(parseQuantity(asked), parseQuantity(most))
  if (order !== 0 && !shared) return [invalid(`${path}.requests`, asked, `must be equal to ${name} limit of ${most}`)]
  if (order <= 0) return []
  return [invalid(`${path}.requests`, asked, `must be less than or equal to ${name} limit of ${most}`)]
}

function isHugePages(name: string): boolean {
  return name.startsWith(HUGE_PAGES)
}

/** Of Kubernetes itself. */
function isNative(name: string): boolean {
  return !name.includes('/') || name.includes('kubernetes.io/')
}

/** Of a domain of its own, such as `example.com/gpu`. */
function isExtended(name: string): boolean {
  return !isNative(name) && !name.startsWith('requests.') && qualifiedNameProblems(`requests.${name}`).length === 0
}

import { allContainers } from '../kube/all-containers.ts'
import { compareQuantities, parseQuantity, quantityMilliValue, quantityValue } from '../kube/quantity.ts'
import type { Container, Pod } from '../kube/types/core.ts'
import type { ResourceLimits } from './runtime/oci-spec.ts'

/** What a container may use at most when it does not say so itself: all that its node has. */
export type NodeCapacity = Readonly<Record<string, string>>

const CPU_PERIOD_US = 100_000
const MIN_SHARES = 2

/** Limits in the kernel's terms, as upstream's kubelet gives them to a runtime. */
export function resourceLimits({ resources }: Container): ResourceLimits | undefined {
  const memory = resources?.limits?.memory
  const cpu = resources?.limits?.cpu
  const share = resources?.requests?.cpu ?? cpu
  if (memory === undefined && cpu === undefined && share === undefined) return undefined
  const shares = share === undefined ? undefined : Math.max(MIN_SHARES, Math.floor((milliCpu(share) * 1024) / 1000))
  return {
    ...(memory === undefined ? {} : { memory: quantityValue(parseQuantity(memory)) }),
    cpu: {
      ...(shares === undefined ? {} : { shares }),
      ...(cpu === undefined ? {} : { quota: (milliCpu(cpu) * CPU_PERIOD_US) / 1000, period: CPU_PERIOD_US }),
    },
  }
}

/** The limits that need a controller of control groups, and are of use only where the machine has it. */
const LIMIT_CONTROLLERS = ['cpu', 'memory'] as const

export type LimitController = (typeof LIMIT_CONTROLLERS)[number]

/** Which of them a machine lacks. */
export function missingControllers(controllers: ReadonlySet<string>): readonly LimitController[] {
  return LIMIT_CONTROLLERS.filter((name) => !controllers.has(name))
}

/** Why a limit is not enforced, for Events and conditions. */
export function missingControllerText(name: LimitController): string {
  return `this machine has no ${name} controller of control groups`
}

/** Limits less those that nothing would enforce: asked for them, the runtime would not start the container at all. */
export function enforceableLimits(
  limits: ResourceLimits | undefined,
  missing: readonly LimitController[],
): { readonly limits: ResourceLimits | undefined; readonly dropped: readonly LimitController[] } {
  const dropped = missing.filter((name) => isLimited(limits, name))
  const left = Object.entries(limits ?? {}).filter(([name]) => !missing.some((one) => one === name))
  return { limits: left.length === 0 ? undefined : Object.fromEntries(left), dropped }
}

/** Shares of the CPU are no limit. */
function isLimited(limits: ResourceLimits | undefined, name: LimitController): boolean {
  return name === 'memory' ? limits?.memory !== undefined : limits?.cpu?.quota !== undefined
}

function milliCpu(quantity: string): number {
  return quantityMilliValue(parseQuantity(quantity))
}

export interface ResourceField {
  readonly containerName?: string
  readonly resource: string
  readonly divisor?: string
}

export type FieldValue =
  | { readonly kind: 'value'; readonly value: string }
  | { readonly kind: 'refused'; readonly message: string }

/**
 * A container's own limit or request in units of the divisor, rounded up (core/v1 ResourceFieldSelector). A limit that
 * is not set is the node's capacity, a request that is not set 0.
 */
export function resourceField(
  pod: Pod,
  { containerName, resource, divisor }: ResourceField,
  at: { readonly container?: string; readonly capacity: NodeCapacity },
): FieldValue {
  const name = containerName || at.container
  const container = allContainers(pod.spec).find((one) => one.name === name)
  if (container === undefined) return { kind: 'refused', message: `container ${name} not found` }
  const [kind, ...rest] = resource.split('.')
  const key = rest.join('.')
  if ((kind !== 'limits' && kind !== 'requests') || !isKnown(key)) {
    return { kind: 'refused', message: `unsupported container resource : ${resource}` }
  }
  const amount = container.resources?.[kind]?.[key] ?? (kind === 'limits' ? (at.capacity[key] ?? '0') : '0')
  const unit = divisor === undefined || divisor === '' || divisor === '0' ? '1' : divisor
  return { kind: 'value', value: String(Math.ceil(ratio(amount, unit, key))) }
}

function isKnown(key: string): boolean {
  return ['cpu', 'memory', 'ephemeral-storage'].includes(key) || key.startsWith('hugepages-')
}

/** CPU is counted in thousandths, everything else in whole units, before it is divided. */
function ratio(amount: string, unit: string, key: string): number {
  if (key === 'cpu') return milliCpu(amount) / milliCpu(unit)
  return quantityValue(parseQuantity(amount)) / quantityValue(parseQuantity(unit))
}

/** Whether so many bytes are more than an amount. */
export function exceeds(bytes: number, amount: string): boolean {
  return compareQuantities(parseQuantity(String(bytes)), parseQuantity(amount)) > 0
}

import type { Clock } from '../../base/clock.ts'
import type { Draft } from '../../kube/kind.ts'
import type { Service } from '../../kube/types/core.ts'
import type { Compare, Operation, Store } from '../../store/store.ts'
import type { Random } from '../context.ts'
import type { WriteHook } from '../write-hook.ts'
import type { AllocationContext, NodePortRange } from './allocation-context.ts'
import { heldAddresses, planClusterIps, releaseClusterIps } from './cluster-ips.ts'
import { settleIpFamilies } from './ip-families.ts'
import { draftSpec, withSpec } from './mutable-service.ts'
import { heldNodePorts, planNodePorts, releaseNodePorts } from './node-ports.ts'
import { type Refusal, refusal } from './refusal.ts'
import { Reservations } from './reservations.ts'
import { ownerOf } from './service-owner.ts'
import { configuredFamilies, serviceRanges } from './service-ranges.ts'

export interface ServiceAllocationConfig {
  /** Ranges of the cluster, such as `10.96.0.0/16`, one per family, that of the default family first. */
  readonly serviceCidrs: readonly string[]
  /** @default 30000-32767 */
  readonly nodePorts?: NodePortRange
}

/** What must commit together with the Service's own write. */
export interface AllocationPlan {
  /** The Service to store: with the families, addresses and ports that were chosen. */
  readonly draft: Service
  readonly compares: readonly Compare[]
  readonly operations: readonly Operation[]
}

export type PlanResult = { readonly kind: 'plan'; readonly plan: AllocationPlan } | Refusal

export interface ServiceWrite {
  readonly operation: 'create' | 'update' | 'delete'
  /** Defaulted; of a deletion what goes. */
  readonly object: Service
  /** What is stored, of an update. */
  readonly old: Service | undefined
  readonly store: Pick<Store, 'get' | 'list'>
  readonly config: ServiceAllocationConfig
  readonly random: Random
  readonly clock: Pick<Clock, 'now'>
}

/** Upstream's `--service-node-port-range`. */
export const NODE_PORTS: NodePortRange = { first: 30_000, last: 32_767 }

/**
 * Decides which addresses and node ports a written Service takes and gives back, before it is checked. Nothing is changed: the plan's compares
 * fail when another write took one of them first, and then the caller plans again on what is there by then. So two
 * Services never get the same, and what is taken is exactly what stored Services have. What an update may not change is
 * left as it is asked for: validation refuses it then.
 *
 * Source: upstream `pkg/registry/core/service/storage/alloc.go`, KEP-563, KEP-1880, KEP-3070, KEP-3668
 */
export function planServiceWrite(write: ServiceWrite): PlanResult {
  const { operation, object, old } = write
  const context = contextOf(write)
  if (operation === 'delete') {
    const stored = old ?? object
    releaseClusterIps(heldAddresses(stored.spec), context)
    releaseNodePorts(heldNodePorts(stored.spec), context)
    return planned(object, context)
  }
  const spec = draftSpec(object, old?.spec)
  const families = configuredFamilies(write.config.serviceCidrs)
  const refused =
    refusal(settleIpFamilies(spec, old?.spec, families)) ??
    planClusterIps(spec, old?.spec, context) ??
    planNodePorts(spec, old?.spec, context)
  return refused ?? planned(withSpec(object, spec), context)
}

/** The hook of the API server that plans every write of a Service. */
export function serviceAllocationHook(deps: Pick<ServiceWrite, 'store' | 'config' | 'random' | 'clock'>): WriteHook {
  return ({ operation, object, old }) => {
    const service = object as unknown as Service
    const result = planServiceWrite({ ...deps, operation, object: service, old: old as Service | undefined })
    if (result.kind !== 'plan') return result
    const { draft, compares, operations } = result.plan
    return { kind: 'plan', draft: draft as unknown as Draft, compares, operations }
  }
}

function contextOf({ object, store, config, random, clock }: ServiceWrite): AllocationContext {
  return {
    owner: ownerOf(object),
    reservations: new Reservations(store),
    ranges: serviceRanges(config.serviceCidrs, store),
    nodePorts: config.nodePorts ?? NODE_PORTS,
    random,
    clock,
  }
}

function planned(draft: Service, { reservations: { compares, operations } }: AllocationContext): PlanResult {
  return { kind: 'plan', plan: { draft, compares, operations } }
}

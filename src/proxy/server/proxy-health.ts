/**
 * Whether the proxy does its work, as load balancers and probes ask for it.
 * Source: kube-proxy pkg/proxy/healthcheck/proxy_health.go; KEP-3836
 */
import type { Clock } from '../../base/clock.ts'
import type { Node } from '../../kube/types/core.ts'

/** What `/livez` says, and `/healthz` with `nodeEligible`; field names are upstream's. */
export interface HealthReport {
  readonly lastUpdated: string
  readonly currentTime: string
  /** Whether the node should get new connections; only in `/healthz`. */
  readonly nodeEligible?: boolean
  readonly healthy: boolean
  readonly status?: Readonly<Record<string, { readonly lastUpdated: string; readonly healthy: boolean }>>
}

/** Set by the cluster autoscaler on a node that it is about to remove. */
const TO_BE_DELETED_TAINT = 'ToBeDeletedByClusterAutoscaler'
const FAMILIES = ['IPv4', 'IPv6'] as const
/** Go's zero time: never. */
const NEVER = '0001-01-01T00:00:00Z'

export interface ProxyHealthOptions {
  readonly clock: Clock
  /** A change that has waited for longer makes the proxy unhealthy. */
  readonly timeoutMs: number
}

/** Keeps what is needed to answer; both families are one transaction, so they share it. */
export class ProxyHealth {
  readonly #clock: Clock
  readonly #timeoutMs: number
  #updated: number | undefined
  #oldestQueued: number | undefined
  #nodeEligible = false

  constructor({ clock, timeoutMs }: ProxyHealthOptions) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  /** A change waits for the kernel. */
  queued(): void {
    this.#oldestQueued ??= this.#clock.now()
  }

  /** The kernel has everything. */
  updated(): void {
    this.#oldestQueued = undefined
    this.#updated = this.#clock.now()
  }

  /** The Node as it is now; undefined when there is none. */
  seeNode(node: Node | undefined): void {
    this.#nodeEligible = node !== undefined && isEligible(node)
  }

  /** While it starts it is healthy: what was in the kernel before still serves. */
  get healthy(): boolean {
    if (this.#updated === undefined || this.#oldestQueued === undefined) return true
    return this.#clock.now() - this.#oldestQueued < this.#timeoutMs
  }

  get nodeEligible(): boolean {
    return this.#nodeEligible
  }

  /** When all is well `lastUpdated` is now, as upstream has it for those who compare it with the time. */
  report(well: boolean): HealthReport {
    const { healthy } = this
    const currentTime = new Date(this.#clock.now()).toISOString()
    const updated = this.#updated === undefined ? NEVER : new Date(this.#updated).toISOString()
    const status = Object.fromEntries(FAMILIES.map((family) => [family, { lastUpdated: updated, healthy }]))
    return {
      lastUpdated: well ? currentTime : updated,
      currentTime,
      healthy,
      ...(this.#updated === undefined ? {} : { status }),
    }
  }
}

function isEligible({ metadata, spec }: Node): boolean {
  if (metadata.deletionTimestamp !== undefined) return false
  return !(spec?.taints ?? []).some(({ key }) => key === TO_BE_DELETED_TAINT)
}

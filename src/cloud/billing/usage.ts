import { collection } from '../state/collection.ts'

export const HOUR_MS = 3_600_000

/** What one resource was and did within one clock hour. Any part of an hour counts as one. */
export interface UsageHour {
  readonly resourceId: string
  /** Start of the hour; milliseconds since the epoch. */
  readonly hour: number
  readonly resource: BilledResource
  /** What each part of it carried: a listener's key, or `eip/<address>`. */
  readonly traffic: Readonly<Record<string, UsageTraffic>>
}

/** What a bill needs to know of a resource, as it was last in that hour. */
export type BilledResource =
  | {
      readonly kind: 'load-balancer'
      readonly name: string
      readonly addressType: 'internet' | 'intranet'
      readonly instanceChargeType: 'PayBySpec' | 'PayByCLCU'
      readonly spec?: string
      readonly internetChargeType: 'paybytraffic' | 'paybybandwidth'
      /** Mbps; -1 is no limit. */
      readonly bandwidth: number
      /** The Service that each listener belongs to, by the listener's key. */
      readonly services: Readonly<Record<string, ServiceName>>
    }
  | {
      readonly kind: 'network-load-balancer'
      readonly name: string
      readonly addressType: 'internet' | 'intranet'
      /** By the keys of its listeners' traffic: one for each address. */
      readonly protocols: Readonly<Record<string, 'TCP' | 'UDP' | 'TCPSSL'>>
      readonly services: Readonly<Record<string, ServiceName>>
    }
  | {
      readonly kind: 'eip'
      readonly address: string
      readonly bound: boolean
      /** The Services that are reached at it, by their listener's key, where it is bound to an NLB instance. */
      readonly services?: Readonly<Record<string, ServiceName>>
      readonly internetChargeType: 'PayByTraffic' | 'PayByBandwidth'
    }

export interface ServiceName {
  readonly namespace: string
  readonly name: string
}

export interface UsageTraffic {
  readonly newConnections: number
  /** The highest average per second between two readings. */
  readonly newConnectionsPerSecond?: number
  /** The most seen at once. */
  readonly activeConnections: number
  readonly inBytes: number
  readonly outBytes: number
}

export const USAGE = collection<UsageHour>('billing.usage')

/** Start of the clock hour that a time is in. */
export function hourOf(time: number): number {
  return time - (time % HOUR_MS)
}

/**
 * What the cloud controller writes on listeners: `k8s/<port>/<service>/<namespace>/<cluster>` of CLB,
 * `k8s.<port>.<protocol>.<service>.<namespace>.<cluster>` of NLB.
 */
export function serviceOfDescription(description: string): ServiceName | undefined {
  const [, name, namespace] = CLASSIC.exec(description) ?? NETWORK.exec(description) ?? []
  return name === undefined || namespace === undefined ? undefined : { namespace, name }
}

const CLASSIC = /^k8s\/[^/]*\/([^/]+)\/([^/]+)\/[^/]*$/
const NETWORK = /^k8s\.\w+\.[A-Z]+\.([^.]+)\.([^.]+)\..+$/

import { collection } from '../state/collection.ts'

export const HOUR_MS = 3_600_000

/** What one resource was and did within one clock hour. Any part of an hour counts as one. */
export interface UsageHour {
  readonly resourceId: string
  /** Start of the hour; milliseconds since the epoch. */
  readonly hour: number
  readonly resource: BilledResource
  /** What each part of it carried: a listener's key, or `all`. */
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
      readonly kind: 'eip'
      readonly address: string
      readonly bound: boolean
      readonly internetChargeType: 'PayByTraffic' | 'PayByBandwidth'
    }

export interface ServiceName {
  readonly namespace: string
  readonly name: string
}

export interface UsageTraffic {
  readonly newConnections: number
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

/** `k8s/<port>/<service>/<namespace>/<cluster>`: what the cloud controller writes on listeners. */
export function serviceOfDescription(description: string): ServiceName | undefined {
  const parts = description.split('/')
  const [mark, , name, namespace] = parts
  if (parts.length !== 5 || mark !== 'k8s' || name === undefined || namespace === undefined) return undefined
  return { namespace, name }
}

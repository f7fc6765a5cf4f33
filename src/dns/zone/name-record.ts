import type { RecordData } from '../wire/record.ts'

/** What one object says about one name. */
export interface NameRecord {
  /** Canonical text: lower case, no last dot. */
  readonly name: string
  /** Undefined: the name is there, and nothing is said of it. */
  readonly data: RecordData | undefined
  /** Of several records of a type only those of the lowest rank count. @default 0 */
  readonly rank?: number
}

/** What decides how objects become names: options of the directive `kubernetes`. */
export interface ZoneOptions {
  /** Canonical names of the zones that are served, reverse zones among them. */
  readonly zones: readonly string[]
  /** Seconds. @default 5 */
  readonly ttl: number
  /** @default 'disabled' */
  readonly pods: 'disabled' | 'insecure' | 'verified'
  /** Names endpoints by their pods where they have no hostname. */
  readonly endpointPodNames: boolean
  /** Whether endpoints have names. */
  readonly endpoints: boolean
  /** Leaves Services with a cluster IP out while they have no endpoint. */
  readonly ignoreEmptyServices: boolean
}

export const DEFAULT_ZONE_OPTIONS: ZoneOptions = {
  zones: ['cluster.local'],
  ttl: 5,
  pods: 'disabled',
  endpointPodNames: false,
  endpoints: true,
  ignoreEmptyServices: false,
}

/** Whether a zone's names are addresses written backwards. */
export function isReverseZone(zone: string): boolean {
  return /(^|\.)(in-addr|ip6)\.arpa$/.test(zone)
}

export function sameRecord(a: NameRecord, b: NameRecord): boolean {
  if (a.rank !== b.rank || a.data?.kind !== b.data?.kind) return false
  const [one, other] = [a.data as Record<string, unknown> | undefined, b.data as Record<string, unknown> | undefined]
  for (const key in one) if (one[key] !== other?.[key]) return false
  return true
}

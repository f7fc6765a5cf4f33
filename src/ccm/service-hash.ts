import { createHash } from 'node:crypto'
import type { Service } from '../kube/types/core.ts'
import { APPLIED_TAGS_ANNOTATION } from './names.ts'

/**
 * Digest of what a Service asks of its load balancer (SHA-224, 56 hexadecimal digits): ports, type, policy, class,
 * annotations, deletion, source ranges. Backends are no part of it.
 */
export function serviceHash(service: Service): string {
  return createHash('sha224')
    .update(JSON.stringify(hashed(service)))
    .digest('hex')
}

function hashed({ spec, metadata }: Service): readonly unknown[] {
  const parts = [
    (spec.ports ?? []).map(sorted),
    spec.type,
    spec.externalTrafficPolicy,
    spec.loadBalancerClass,
    sorted(annotationsOf({ metadata })),
    metadata.deletionTimestamp,
    spec.loadBalancerSourceRanges,
  ]
  return parts.filter((part) => part !== undefined && JSON.stringify(part) !== '[]')
}

/** The annotations but our own. */
export function annotationsOf({ metadata }: Pick<Service, 'metadata'>): Readonly<Record<string, string>> {
  const { [APPLIED_TAGS_ANNOTATION]: _, ...rest } = metadata.annotations ?? {}
  return rest
}

function sorted(value: object): readonly (readonly [string, unknown])[] {
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
}

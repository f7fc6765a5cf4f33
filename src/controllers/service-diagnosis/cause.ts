/** Why something fails, in the words that Events, the trace and the forecast share. */

/** Whose doing something is. */
export interface ObjectRef {
  readonly kind: string
  readonly namespace?: string
  readonly name: string
  readonly uid?: string
}

/** One sentence, whose doing, and what to change. */
export interface CauseOf<Code extends string> {
  readonly code: Code
  readonly sentence: string
  readonly object?: ObjectRef
  /** Path of the field to change, `spec.selector`. */
  readonly field?: string
  /** What would mend it. */
  readonly mend?: string
}

/** What can be wrong with a Service as far as the API tells. */
export type ServiceCauseCode =
  | 'no-pod-matches'
  | 'not-ready'
  | 'no-endpoints'
  | 'wrong-target-port'
  | 'pod-ended'
  | 'another-proxy'
  | 'load-balancer-pending'
  | 'external-name-loop'
  | 'external-name-address'
  | 'name-unknown'

export type ServiceCause = CauseOf<ServiceCauseCode>

/** The object as causes name it. */
export function refOf(
  object: {
    readonly kind?: string
    readonly metadata: { readonly namespace?: string; readonly name: string; readonly uid?: string }
  },
  kind: string,
): ObjectRef {
  const { namespace, name, uid } = object.metadata
  return { kind, ...(namespace === undefined ? {} : { namespace }), name, ...(uid === undefined ? {} : { uid }) }
}

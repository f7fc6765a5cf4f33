import { type Annotations, annotationOf, presentKey } from '../annotations/read-annotation.ts'
import { type CheckRules, type Problem, readRows, rowProblems } from '../annotations/service-annotations.ts'
import type { CommonAnnotations } from '../desired/service-plan.ts'
import {
  GROUP_ROWS,
  NLB_BACKEND_ROWS,
  NLB_INSTANCE_ROWS,
  NLB_LISTENER_ROWS,
  NLB_PORT_ROWS,
  type NlbInstanceKey,
  type NlbPortKey,
} from './table.ts'

/** The values of a Service's annotations by row; one that is not set, or empty, is not there. */
export interface NlbAnnotations extends CommonAnnotations {
  readonly instance: Readonly<Partial<Record<NlbInstanceKey, string>>>
  readonly port: Readonly<Partial<Record<NlbPortKey, string>>>
  /** Of groups and listeners, by suffix. */
  readonly settings: Readonly<Record<string, string>>
  /** Annotations that count when they are there, be they empty: then none of theirs is left. */
  readonly isThere: Readonly<Record<'securityGroupIds' | 'bandwidthPackageId' | 'additionalCertificates', boolean>>
}

/** Every row of the tables of NLB. */
export const NLB_ROWS = [
  ...[NLB_INSTANCE_ROWS, NLB_BACKEND_ROWS, NLB_PORT_ROWS].flatMap((rows) => Object.values(rows)),
  ...GROUP_ROWS,
  ...NLB_LISTENER_ROWS,
]

/** Reads the annotations of a Service; what they hold is checked by {@link nlbAnnotationProblems}. */
export function readNlbAnnotations(annotations: Annotations): NlbAnnotations {
  const settings = [...GROUP_ROWS, ...NLB_LISTENER_ROWS].map(
    ({ suffix }) => [suffix, annotationOf(annotations, suffix)] as const,
  )
  const isThere = ({ suffix }: { readonly suffix: string }) => presentKey(annotations, suffix) !== undefined
  return {
    instance: readRows(annotations, NLB_INSTANCE_ROWS),
    backend: readRows(annotations, NLB_BACKEND_ROWS),
    port: readRows(annotations, NLB_PORT_ROWS),
    settings: Object.fromEntries(settings.filter(([, value]) => value !== '')),
    isThere: {
      securityGroupIds: isThere(NLB_INSTANCE_ROWS.securityGroupIds),
      bandwidthPackageId: isThere(NLB_INSTANCE_ROWS.bandwidthPackageId),
      additionalCertificates: isThere(NLB_PORT_ROWS.additionalCertificates),
    },
  }
}

/** Every annotation whose value is not one that the API takes. */
export function nlbAnnotationProblems(annotations: Annotations, rules: CheckRules): readonly Problem[] {
  return rowProblems(NLB_ROWS, annotations, rules)
}

/** Event of group events.k8s.io/v1: the names that newer clients have for the fields of core/v1 Event. */
import type { KubeObject, ObjectReference } from './meta.ts'

export interface NamedEvent extends KubeObject {
  readonly eventTime?: string | null
  readonly reportingController?: string
  readonly reportingInstance?: string
  readonly action?: string
  readonly reason?: string
  readonly regarding?: ObjectReference
  readonly related?: ObjectReference
  readonly note?: string
  readonly type?: 'Normal' | 'Warning'
  readonly deprecatedSource?: { readonly component?: string; readonly host?: string }
  readonly deprecatedFirstTimestamp?: string | null
  readonly deprecatedLastTimestamp?: string | null
  readonly deprecatedCount?: number
}

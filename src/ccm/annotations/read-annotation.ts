export type Annotations = Readonly<Record<string, string>>

const PREFIX = 'service.beta.kubernetes.io/alibaba-cloud-'
const LEGACY_PREFIX = 'service.beta.kubernetes.io/alicloud-'
/** Has neither of the prefixes. */
export const BACKEND_TYPE = 'service.beta.kubernetes.io/backend-type'

/** The full key of a suffix such as `loadbalancer-id`. */
export function annotationKey(suffix: string): string {
  return suffix === 'backend-type' ? BACKEND_TYPE : `${PREFIX}${suffix}`
}

/** The key that counts: the new one if it is there, be it empty, else the legacy one. */
export function presentKey(annotations: Annotations, suffix: string): string | undefined {
  return keysOf(suffix).find((key) => annotations[key] !== undefined)
}

/** Both keys of each suffix, which is one of a table: for each Service all of them are looked for, many times. */
const KEYS = new Map<string, readonly string[]>()

function keysOf(suffix: string): readonly string[] {
  const known = KEYS.get(suffix)
  if (known !== undefined) return known
  const keys = [annotationKey(suffix), `${LEGACY_PREFIX}${suffix}`]
  KEYS.set(suffix, keys)
  return keys
}

/** The value of an annotation by either prefix; `''` when it is not set. */
export function annotationOf(annotations: Annotations, suffix: string): string {
  const key = presentKey(annotations, suffix)
  return key === undefined ? '' : (annotations[key] ?? '')
}

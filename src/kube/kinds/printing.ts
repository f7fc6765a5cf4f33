import { humanDuration } from '../duration.ts'
import type { Column } from '../kind.ts'
import type { Container, PodTemplateSpec } from '../types/core.ts'
import type { KubeObject, LabelSelector } from '../types/meta.ts'

/** The AGE column that nearly every kind ends with. */
export const ageColumn: Column<KubeObject> = {
  name: 'Age',
  type: 'string',
  description: 'Time since the object was created.',
  cell: (object, now) => ageCell(object.metadata.creationTimestamp, now),
}

/** `5m12s` since an RFC 3339 time; `<unknown>` without one. */
export function ageCell(time: string | null | undefined, now: number): string {
  const since = time ? Date.parse(time) : Number.NaN
  return Number.isNaN(since) ? '<unknown>' : humanDuration(now - since)
}

/** The wide column that tells which pods a workload looks after. */
export function selectorColumn<T extends KubeObject>(selectorOf: (object: T) => LabelSelector | undefined): Column<T> {
  return {
    name: 'Selector',
    type: 'string',
    priority: 1,
    description: 'Label selector for pods.',
    cell: (object) => selectorCell(selectorOf(object)),
  }
}

/** `a=b,c in (d,e)`; `<none>` when the selector selects nothing in particular. */
export function selectorCell(selector: LabelSelector | undefined): string {
  const equal = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`)
  const others = (selector?.matchExpressions ?? []).map(({ key, operator, values }) => {
    const list = `(${[...(values ?? [])].sort().join(',')})`
    if (operator === 'Exists') return key
    if (operator === 'DoesNotExist') return `!${key}`
    return operator === 'In' ? `${key} in ${list}` : `${key} notin ${list}`
  })
  const terms = [...equal, ...others].sort()
  return terms.length === 0 ? '<none>' : terms.join(',')
}

/** `a=b,c=d` of plain labels; `<none>` when empty. */
export function labelsCell(labels: Readonly<Record<string, string>> | undefined): string {
  return selectorCell({ matchLabels: labels ?? {} })
}

/** The wide columns CONTAINERS and IMAGES of everything that has a pod template. */
export function templateColumns<T extends KubeObject>(
  template: (object: T) => PodTemplateSpec | undefined,
): readonly Column<T>[] {
  const join = (object: T, of: (container: Container) => string) =>
    (template(object)?.spec.containers ?? []).map(of).join(',')
  return [
    {
      name: 'Containers',
      type: 'string',
      priority: 1,
      description: 'Names of each container in the template.',
      cell: (object) => join(object, (container) => container.name),
    },
    {
      name: 'Images',
      type: 'string',
      priority: 1,
      description: 'Images referenced by each container in the template.',
      cell: (object) => join(object, (container) => container.image),
    },
  ]
}

/** The first few, then how many more: `a,b,c + 2 more...`. */
export function shortened(items: readonly string[], shown: number): string {
  if (items.length === 0) return '<none>'
  const head = items.slice(0, shown).join(',')
  return items.length > shown ? `${head} + ${items.length - shown} more...` : head
}

/** The path of a field, as answers name it: `spec.ports`. The fields of the whole object have no dot in front. */
export function fieldPath(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

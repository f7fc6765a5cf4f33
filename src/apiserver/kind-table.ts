import type { AnyKind } from '../kube/registry.ts'

/** The kinds served, found by their place in a URL. */
export class KindTable {
  readonly all: readonly AnyKind[]
  readonly #byPlace = new Map<string, AnyKind>()

  constructor(kinds: readonly AnyKind[]) {
    this.all = kinds
    for (const kind of kinds) {
      const { group, version, plural } = kind.resource
      this.#byPlace.set(`${group}/${version}/${plural}`, kind)
    }
  }

  find(group: string, version: string, plural: string): AnyKind | undefined {
    return this.#byPlace.get(`${group}/${version}/${plural}`)
  }

  /** Groups other than core, in order of first mention, each with its versions. */
  groups(): ReadonlyMap<string, readonly string[]> {
    const groups = new Map<string, string[]>()
    for (const { resource } of this.all) {
      if (resource.group === '') continue
      const versions = groups.get(resource.group) ?? []
      if (!versions.includes(resource.version)) versions.push(resource.version)
      groups.set(resource.group, versions)
    }
    return groups
  }

  /** The kinds of one group and version. */
  of(group: string, version: string): readonly AnyKind[] {
    return this.all.filter(({ resource }) => resource.group === group && resource.version === version)
  }
}

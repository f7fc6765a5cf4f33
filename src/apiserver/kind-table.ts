import type { AnyKind } from '../kube/registry.ts'

/** The kinds served, found by their place in a URL: those built in, and those that definitions bring while it runs. */
export class KindTable {
  readonly builtIn: readonly AnyKind[]
  #custom: readonly AnyKind[] = []
  #byPlace: ReadonlyMap<string, AnyKind>
  readonly #listeners = new Set<() => void>()

  constructor(kinds: readonly AnyKind[]) {
    this.builtIn = kinds
    this.#byPlace = byPlace(kinds)
  }

  get all(): readonly AnyKind[] {
    return [...this.builtIn, ...this.#custom]
  }

  /** Serves these besides those built in, and none of those served so before. */
  setCustom(kinds: readonly AnyKind[]): void {
    this.#custom = kinds
    this.#byPlace = byPlace(this.all)
    for (const listener of [...this.#listeners]) listener()
  }

  /** Calls back after the kinds have changed; returns how to stop that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
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

/** What is built in comes last, so that nothing takes its place. */
function byPlace(kinds: readonly AnyKind[]): ReadonlyMap<string, AnyKind> {
  return new Map(
    [...kinds].reverse().map((kind) => {
      const { group, version, plural } = kind.resource
      return [`${group}/${version}/${plural}`, kind]
    }),
  )
}

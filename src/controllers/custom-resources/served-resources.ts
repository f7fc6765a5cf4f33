import { customResources } from '../../kube/custom-resources/custom-kind.ts'
import type { Informer } from '../../kube/informer.ts'
import type { InformerSet } from '../../kube/informers.ts'
import { apiVersionOf, customResourceDefinitions, type Resource } from '../../kube/resource.ts'
import type { CustomResourceDefinition } from '../../kube/types/custom-resource-definition.ts'
import type { KubeObject } from '../../kube/types/meta.ts'

type Versions = readonly Resource<KubeObject>[]

/** Called with one kind in its versions, the preferred one first; what it returns is called when the kind is no more. */
type OnKind = (versions: Versions) => () => void

/** The kinds that the API serves: those built in, and those that definitions bring and take away. */
export class ServedResources {
  readonly #informers: InformerSet
  readonly #builtIn: readonly Versions[]
  readonly #definitions: Informer<CustomResourceDefinition>
  readonly #listeners = new Set<OnKind>()
  /** By name of the definition. */
  readonly #custom = new Map<string, { readonly versions: Versions; readonly forget: (() => void)[] }>()

  constructor(informers: InformerSet, builtIn: readonly Resource<KubeObject>[]) {
    this.#informers = informers
    this.#builtIn = builtIn.map((resource) => [resource])
    this.#definitions = informers.for(customResourceDefinitions)
    this.#definitions.on({
      added: (definition) => this.#follow(definition),
      updated: (definition) => this.#follow(definition),
      deleted: ({ metadata }) => this.#drop(metadata.name),
    })
  }

  /** Calls back for every kind there is, and for every one that comes. */
  on(listener: OnKind): void {
    this.#listeners.add(listener)
    for (const versions of this.#builtIn) listener(versions)
    for (const { versions, forget } of this.#custom.values()) forget.push(listener(versions))
  }

  #follow(definition: CustomResourceDefinition): void {
    const { name } = definition.metadata
    const versions = customResources(definition)
    const known = this.#custom.get(name)
    if (known !== undefined && sameVersions(known.versions, versions)) return
    this.#drop(name)
    if (versions.length === 0) return
    const forget = [...this.#listeners].map((listener) => listener(versions))
    this.#custom.set(name, { versions, forget })
  }

  #drop(name: string): void {
    const known = this.#custom.get(name)
    if (known === undefined) return
    this.#custom.delete(name)
    for (const forget of known.forget) forget()
    for (const resource of known.versions) this.#informers.release(resource)
  }
}

function sameVersions(left: Versions, right: Versions): boolean {
  return left.map(apiVersionOf).join() === right.map(apiVersionOf).join()
}

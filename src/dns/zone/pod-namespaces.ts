/** Whose pod has an address, for the search lists of `autopath`. */
export class PodNamespaces {
  readonly #pods = new Map<string, { readonly address: string; readonly namespace: string }>()
  /** By address, then by pod. */
  readonly #byAddress = new Map<string, Map<string, string>>()

  /** @param place Undefined for a pod that is gone, or has no address of its own. */
  set(key: string, place: { readonly address: string; readonly namespace: string } | undefined): void {
    const before = this.#pods.get(key)
    if (before !== undefined) this.#drop(key, before.address)
    if (place === undefined) {
      this.#pods.delete(key)
      return
    }
    this.#pods.set(key, place)
    const pods = this.#byAddress.get(place.address)
    if (pods === undefined) this.#byAddress.set(place.address, new Map([[key, place.namespace]]))
    else pods.set(key, place.namespace)
  }

  /** The namespace of the pod that has an address; none when several have it. */
  namespaceOf(address: string): string | undefined {
    const pods = this.#byAddress.get(address)
    if (pods?.size !== 1) return undefined
    const [namespace] = pods.values()
    return namespace
  }

  #drop(key: string, address: string): void {
    const pods = this.#byAddress.get(address)
    pods?.delete(key)
    if (pods?.size === 0) this.#byAddress.delete(address)
  }
}

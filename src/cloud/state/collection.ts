/**
 * Names a kind of resource that the cloud keeps, with the type of its documents. Documents are plain JSON data and are
 * replaced, never changed in place.
 */
export interface Collection<Document> {
  /** `slb.load-balancers`; part of the key on disk. */
  readonly name: string
  /** Only for the type: there is no such member. */
  readonly document?: Document
}

/** Declares a collection. */
export function collection<Document extends object>(name: string): Collection<Document> {
  return { name }
}

/** What becomes of a packet: an end (`accept`, `drop`), or the next rule or chain. */
export type Verdict =
  | { readonly kind: 'accept' | 'drop' | 'continue' | 'return' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string }

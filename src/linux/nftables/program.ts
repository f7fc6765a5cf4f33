/** The objects of nf_tables as plain values: what a batch creates and a dump returns. */
import type { DataType } from './data-type.ts'
import type { Expression } from './expression.ts'
import type { NftFamily } from './family.ts'
import type { Verdict } from './verdict.ts'

/** A table's address. */
export interface TableRef {
  readonly family: NftFamily
  readonly table: string
}

/** The address of a chain or set. */
export interface NamedRef extends TableRef {
  readonly name: string
}

export interface Table extends TableRef {
  readonly comment?: string
  /** The table belongs to the socket that makes it: nobody else may change it, and it goes when the socket is closed. */
  readonly owned?: true
}

export const HOOKS = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const

/** Where a base chain is hooked in. `nat` chains see the first packet of a connection only. */
export interface ChainHook {
  readonly type: 'filter' | 'nat' | 'route'
  readonly hook: keyof typeof HOOKS
  /** Lower comes first; -100 is `dstnat`, 0 `filter`, 100 `srcnat`. */
  readonly priority: number
  readonly policy?: 'accept' | 'drop'
}

export interface Chain extends NamedRef {
  /** Left out for a chain that is only jumped to. */
  readonly base?: ChainHook
  readonly comment?: string
}

export interface Rule extends TableRef {
  readonly chain: string
  readonly expressions: readonly Expression[]
  readonly comment?: string
}

export interface NftSet extends NamedRef {
  /** Fields of the key; more than one is a concatenation. */
  readonly key: readonly DataType[]
  /** Fields of the value: makes the set a map. */
  readonly data?: readonly DataType[] | 'verdict'
  /** Keys are ranges: an element has a first and, in `keyEnd`, a last key. */
  readonly interval?: boolean
  /** Elements are written by packets (dynset). */
  readonly dynamic?: boolean
  /** Elements may time out. */
  readonly expires?: boolean
  /** Milliseconds until an element without a time of its own goes. */
  readonly timeout?: number
  /** Most elements; dynamic sets need one. */
  readonly size?: number
  /** Each element counts the packets that matched it, and their bytes. */
  readonly counter?: boolean
  readonly comment?: string
}

/** How long the kernel keeps an idle connection that a rule gave this object to, instead of its own settings. */
export interface CtTimeout extends NamedRef {
  readonly protocol: 'tcp'
  /** Seconds. */
  readonly established: number
}

/** An element of a set or map. Bytes are as the kernel compares them: fields of a concatenation padded to 4. */
export interface Element {
  readonly key: Uint8Array
  /** Last key, inclusive, of a range of a concatenated interval set; ranges of one field: `rangeElements`. */
  readonly keyEnd?: Uint8Array
  readonly data?: Uint8Array | Verdict
  /** NFT_SET_ELEM_*: 1 ends a range. */
  readonly flags?: number
  /** Milliseconds. */
  readonly timeout?: number
  readonly comment?: string
}

/** What dumps return beside what was created. */
export type Listed<T> = T & { readonly handle: bigint }

/** A set as the kernel has it: lengths and type numbers, since field types are known to user space only. */
export interface ListedSet extends NamedRef {
  readonly handle: bigint
  readonly flags: number
  readonly keyType: number
  readonly keyLength: number
  readonly dataType: number
  readonly dataLength: number
  readonly timeout: number
  readonly size: number
  readonly comment: string | undefined
}

/** An element as dumped. Bytes are the receiver's own. */
export interface ListedElement {
  readonly key: Buffer
  readonly keyEnd: Buffer | undefined
  readonly data: Buffer | Verdict | undefined
  /** NFT_SET_ELEM_*: 1 marks the end of a range. */
  readonly flags: number
  readonly timeout: number
  /** Milliseconds left. */
  readonly expiration: number
  readonly comment: string | undefined
  /** Of a set whose elements count. */
  readonly counter?: { readonly packets: bigint; readonly bytes: bigint }
}

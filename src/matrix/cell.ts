/** What the matrix is made of: cells, each with what the document says, and how it is measured. */
import type { PodNetworkKind } from '../cluster/cluster-spec.ts'
import type { ProxyMode } from '../proxy/server/proxy-configuration.ts'
import type { Lab } from './lab.ts'

/** What a cluster is started with for a part of the matrix. */
export interface Setting {
  readonly network: PodNetworkKind
  readonly proxyMode: ProxyMode
}

/** A value with the words that it is taken from. */
export interface Statement {
  readonly value: string
  /** The document's own line, or where it says nothing on it, why upstream does so. */
  readonly line: string
}

export interface Cell {
  /** Unique within a setting: `Source IP preservation/Local`. */
  readonly id: string
  /** Heading of the document's table. */
  readonly table: string
  /** The table's row. */
  readonly item: string
  /** The table's column, or who asks. */
  readonly column: string
  /** The Services that are asked: cells that share one are not measured at the same time. */
  readonly services: readonly string[]
  /** Left out where the document says nothing. */
  readonly documented?: Statement
  /** Where Kubernetes itself differs from the document. */
  readonly upstream?: Upstream
  /** @throws FairleadError when it cannot be measured */
  measure(lab: Lab): Promise<Measurement>
}

export interface Upstream extends Statement {
  /** Whether the cluster is to do as upstream does, and not as the document says. */
  readonly holds: boolean
}

/** What was found. */
export interface Measurement {
  /** In the words of {@link Statement.value}. */
  readonly value: string
  /** Who answered, from where, what is attached: one fact a line. */
  readonly evidence: readonly string[]
}

/** What became of a cell. */
export type Outcome =
  | { readonly kind: 'measured'; readonly measurement: Measurement }
  /** It could not be measured: one sentence. */
  | { readonly kind: 'failed'; readonly why: string }

export type Verdict = 'as documented' | 'as upstream' | 'differs' | 'not measured'

/** A cell after the experiment, as plain data. */
export interface Result extends Setting, Pick<Cell, 'id' | 'table' | 'item' | 'column' | 'documented' | 'upstream'> {
  readonly outcome: Outcome
  readonly verdict: Verdict
  /** How often it was measured: again only where it was not as expected. */
  readonly attempts: number
}

import type * as Package from '@marcbachmann/cel-js'
import { FairleadError } from '../../base/error.ts'

/** The package that evaluates CEL; only its types are here until {@link loadCel} is called. */
export type Cel = typeof Package
export type Environment = Package.Environment

/** Of the nodes of a syntax tree, what the types of the package leave out. */
export interface CelNode {
  readonly op: string
  args: unknown
  readonly start: number
  readonly end: number
  readonly meta: {
    readonly alternate?: CelNode
    readonly macro?: Readonly<Record<string, unknown>>
    readonly evaluate: EvaluateNode
  }
  setMeta(key: string, value: unknown): CelNode
}

export type EvaluateNode = (evaluator: unknown, node: CelNode, context: unknown) => unknown

let loaded: Cel | undefined

/** Brings the package into memory: most clusters have no rule in CEL, and need not wait for it at their start. */
export async function loadCel(): Promise<void> {
  loaded ??= await import('@marcbachmann/cel-js')
}

/** The package. @throws FairleadError `BUG` when nobody has loaded it. */
export function celPackage(): Cel {
  if (loaded === undefined) throw new FairleadError('BUG', 'CEL is used before loadCel() has been called')
  return loaded
}

/** All nodes of a syntax tree, those that macros stand for among them; each once. */
export function celNodes(root: CelNode): readonly CelNode[] {
  const found = new Set<CelNode>()
  collect(root, found)
  return [...found]
}

function collect(value: unknown, found: Set<CelNode>): void {
  if (Array.isArray(value)) {
    for (const item of value) collect(item, found)
    return
  }
  if (!isNode(value) || found.has(value)) return
  found.add(value)
  collect(value.args, found)
  // What goes round in a comprehension lies one level deeper.
  if (value.op === 'comprehension') collect(Object.values(value.args as object), found)
  collect(value.meta.alternate, found)
  collect(Object.values(value.meta.macro ?? {}), found)
}

function isNode(value: unknown): value is CelNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'setMeta' in value
}

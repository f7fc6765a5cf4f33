import { isFairleadError } from '../../base/error.ts'
import { type CelNode, celNodes, type Environment } from './engine.ts'
import { type Issue, issueText } from './issue-text.ts'
import { repairHas } from './macros.ts'
import { regularExpression } from './regular-expression.ts'
import { meterSteps, StepMeter } from './step-meter.ts'
import { MATCHES } from './text-functions.ts'

/** Steps that one evaluation may take (apiserver `PerCallLimit`). */
export const STEPS_PER_CALL = 1_000_000

/** How an evaluation ended, and how many steps it took. */
export type Evaluated =
  | { readonly kind: 'value'; readonly value: unknown; readonly steps: number }
  | { readonly kind: 'failed'; readonly text: string; readonly steps: number }
  | { readonly kind: 'exceeded'; readonly steps: number }

/** An expression that was taken. */
export interface Expression {
  /** Its type as CEL names it, `dyn` where only its value tells. */
  readonly type: string
  readonly usesOldSelf: boolean
  evaluate(variables: Readonly<Record<string, unknown>>): Evaluated
}

/** Reads and checks an expression. @returns What is wrong with it, in the words of cel-go. */
export function compileExpression(
  environment: Environment,
  source: string,
): { readonly expression: Expression } | { readonly issue: string } {
  const issue = (found: unknown) => ({ issue: issueText(found as Issue, source, isFunctionOf(environment)) })
  let parsed: ReturnType<Environment['parse']>
  try {
    parsed = environment.parse(source)
  } catch (error) {
    if (!isIssue(error)) throw error
    return issue(error)
  }
  const root = parsed.ast as unknown as CelNode
  repairHas(root)
  const wrong = adoptMatches(root)
  if (wrong !== undefined) return issue(wrong)
  const checked = parsed.check()
  if (!checked.valid) return issue(checked.error)
  const usesOldSelf = celNodes(root).some(({ op, args }) => op === 'id' && args === 'oldSelf')
  const meter = new StepMeter()
  meterSteps(root, meter)
  return { expression: { type: checked.type ?? 'dyn', usesOldSelf, evaluate: (given) => run(parsed, given, meter) } }
}

/** `matches` is RE2's; a pattern that is none is seen at once where it is written out. */
function adoptMatches(root: CelNode): Issue | undefined {
  for (const node of celNodes(root)) {
    if (node.op !== 'rcall') continue
    const [name, , args] = node.args as [string, CelNode, readonly CelNode[]]
    const pattern = args[0]
    if (name !== 'matches' || args.length !== 1 || pattern === undefined) continue
    ;(node.args as unknown[])[0] = MATCHES
    if (pattern.op !== 'value' || typeof pattern.args !== 'string') continue
    const problem = patternProblem(pattern.args)
    if (problem !== undefined)
      return { code: 'regex', summary: 'invalid matches argument', range: { start: pattern.start } }
  }
  return undefined
}

function patternProblem(pattern: string): string | undefined {
  try {
    regularExpression(pattern)
    return undefined
  } catch (error) {
    if (isFairleadError(error, 'INVALID_INPUT')) return error.message
    throw error
  }
}

function run(
  parsed: (variables: Record<string, unknown>) => unknown,
  variables: Readonly<Record<string, unknown>>,
  meter: StepMeter,
): Evaluated {
  meter.left = STEPS_PER_CALL
  const steps = () => STEPS_PER_CALL - meter.left
  try {
    const value = parsed(variables)
    return meter.isExceeded ? { kind: 'exceeded', steps: steps() } : { kind: 'value', value, steps: steps() }
  } catch (error) {
    if (meter.isExceeded) return { kind: 'exceeded', steps: steps() }
    if (isFairleadError(error, 'INVALID_INPUT')) return { kind: 'failed', text: error.message, steps: steps() }
    if (!isIssue(error)) throw error
    return { kind: 'failed', text: failureText(error), steps: steps() }
  }
}

function isIssue(error: unknown): error is Issue & Error {
  return error instanceof Error && 'code' in error && 'summary' in error
}

/** What failed, as cel-go says it. */
function failureText({ code, summary }: Issue): string {
  switch (code) {
    case 'no_such_key':
      return summary.replace('No such key', 'no such key')
    case 'index_out_of_bounds':
      return `index out of bounds: ${/index (-?\d+)/.exec(summary)?.[1] ?? ''}`
    case 'no_such_overload':
    case 'no_matching_overload':
    case 'invalid_logical_operand':
      return 'no such overload'
    case 'modulo_by_zero':
      return 'modulus by zero'
    case 'numeric_overflow':
      return 'integer overflow'
    default:
      return summary
  }
}

function isFunctionOf(environment: Environment): (name: string) => boolean {
  return (name) => environment.getDefinitions().functions.some((each) => each.name === name)
}

import { type Cel, type CelNode, celNodes, type Environment } from './engine.ts'

/** What of the package's checker, evaluator and contexts its macros are given. */
interface Checker {
  check(node: CelNode, context: Context): TypeName
  checkAccessOnType(node: CelNode, context: Context, type: TypeName): TypeName
  getType(name: string): TypeName
  createError(code: string, text: string, node: CelNode): Error
  readonly registry: { getOptionalType(type: TypeName): TypeName }
}

interface TypeName {
  readonly kind: string
  readonly name: string
  readonly valueType?: TypeName
}

interface Evaluator {
  run(node: CelNode, context: Context): unknown
  debugType(value: unknown): { fieldLazy(...args: readonly unknown[]): unknown }
}

interface Context {
  forkWithVariable(name: string, type: TypeName | undefined): Context
  reuse(parent: Context): Context
  setIterValue(value: unknown, evaluator: Evaluator): Context
}

interface Maybe {
  hasValue(): boolean
  value(): unknown
}

/** `optional.optMap(variable, expression)` and `optional.optFlatMap(variable, expression)` of cel-go. */
export function registerOptionalMacros(environment: Environment, { Optional }: Cel): void {
  const add = (name: string, flat: boolean) =>
    environment.registerFunction(`optional.${name}(ast, ast): optional<dyn>`, (...given: unknown[]) => {
      const { args, receiver } = given[0] as { args: readonly [CelNode, CelNode]; receiver: CelNode }
      const [variable, expression] = args
      let inner: Context | undefined
      return {
        receiver,
        expression,
        async: false,
        typeCheck(checker: Checker, _: unknown, context: Context): TypeName {
          const type = checker.check(receiver, context)
          if (variable.op !== 'id')
            throw checker.createError('invalid_macro_argument', 'argument is not an identifier', variable)
          inner = context.forkWithVariable(String(variable.args), type.valueType ?? checker.getType('dyn'))
          const made = checker.check(expression, inner)
          return flat ? made : checker.registry.getOptionalType(made)
        },
        evaluate(evaluator: Evaluator, _: unknown, context: Context): unknown {
          const held = evaluator.run(receiver, context) as Maybe
          if (!held.hasValue() || inner === undefined) return Optional.none()
          const made = evaluator.run(expression, inner.reuse(context).setIterValue(held.value(), evaluator))
          return flat ? made : Optional.of(made)
        },
      }
    })
  add('optMap', false)
  add('optFlatMap', true)
}

/**
 * Puts another `has()` in place of the package's, which takes no calls and indexes before the last field, and does not
 * see that a type has no such field.
 */
export function repairHas(root: CelNode): void {
  for (const node of celNodes(root)) {
    if (node.op !== 'call' || node.meta.macro === undefined) continue
    const [name, args] = node.args as readonly [string, readonly CelNode[]]
    const selected = args[0]
    if (name === 'has' && selected !== undefined) node.setMeta('macro', hasField(selected))
  }
}

function hasField(selected: CelNode): object {
  const [operand, field] = selected.args as readonly [CelNode, string]
  return {
    operand,
    async: false,
    typeCheck(checker: Checker, _: unknown, context: Context): TypeName {
      if (selected.op !== '.')
        throw checker.createError('invalid_macro_argument', 'invalid argument to has() macro', selected)
      const type = checker.check(operand, context)
      if (type.kind !== 'dyn') checker.checkAccessOnType(selected, context, heldBy(type))
      return checker.getType('bool')
    },
    evaluate(evaluator: Evaluator, _: unknown, context: Context): boolean {
      const value = evaluator.run(operand, context)
      if (isMaybe(value)) return value.hasValue() && holds(evaluator, value.value(), field, selected)
      return holds(evaluator, value, field, selected)
    },
  }
}

function heldBy(type: TypeName): TypeName {
  return type.kind === 'optional' && type.valueType !== undefined ? type.valueType : type
}

function isMaybe(value: unknown): value is Maybe {
  return typeof value === 'object' && value !== null && 'hasValue' in value && 'value' in value
}

function holds(evaluator: Evaluator, ...[value, field, node]: readonly [unknown, string, CelNode]): boolean {
  return evaluator.debugType(value).fieldLazy(value, field, node, evaluator) !== undefined
}

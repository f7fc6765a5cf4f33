/** One step of a path: a field, an item, all items, or the items with a field of a value. */
type Step =
  | { readonly type: 'field'; readonly name: string }
  | { readonly type: 'index'; readonly index: number }
  | { readonly type: 'all' }
  | { readonly type: 'where'; readonly path: readonly Step[]; readonly equals: unknown }

/** A simple JSONPath, ready to be followed. */
export interface JsonPath {
  readonly steps: readonly Step[]
}

const FIELD = /^\.((?:[^.[\]\\\s'"]|\\.)+)/
const QUOTED = /^\[(?:'([^']*)'|"([^"]*)")\]/
const INDEX = /^\[(-?\d+)\]/
const ALL = /^(?:\[\*\]|\.\*)/
const WHERE =
  /^\[\?\(\s*@((?:\.[\w-]+|\[['"][^'"]*['"]\])+)\s*==\s*(?:"([^"]*)"|'([^']*)'|(true|false|-?\d+(?:\.\d+)?))\s*\)\]/

/** Reads a path such as `.status.conditions[?(@.type=="Ready")].status`; `undefined` when it is none. */
export function parseJsonPath(text: string): JsonPath | undefined {
  const steps: Step[] = []
  let rest = text.startsWith('$') ? text.slice(1) : text
  if (rest === '.') return { steps }
  while (rest !== '') {
    const found = readStep(rest)
    if (found === undefined) return undefined
    steps.push(found.step)
    rest = rest.slice(found.length)
  }
  return steps.length === 0 ? undefined : { steps }
}

function readStep(text: string): { readonly step: Step; readonly length: number } | undefined {
  const all = ALL.exec(text)
  if (all !== null) return { step: { type: 'all' }, length: all[0].length }
  const field = FIELD.exec(text)
  if (field !== null)
    return { step: { type: 'field', name: (field[1] ?? '').replace(/\\(.)/g, '$1') }, length: field[0].length }
  const quoted = QUOTED.exec(text)
  if (quoted !== null) return { step: { type: 'field', name: quoted[1] ?? quoted[2] ?? '' }, length: quoted[0].length }
  const index = INDEX.exec(text)
  if (index !== null) return { step: { type: 'index', index: Number(index[1]) }, length: index[0].length }
  return readWhere(text)
}

function readWhere(text: string): { readonly step: Step; readonly length: number } | undefined {
  const where = WHERE.exec(text)
  const path = where === null ? undefined : parseJsonPath(where[1] ?? '')
  if (where === null || path === undefined) return undefined
  const literal = where[4]
  const equals = literal === undefined ? (where[2] ?? where[3] ?? '') : (JSON.parse(literal) as unknown)
  return { step: { type: 'where', path: path.steps, equals }, length: where[0].length }
}

/** All values that the path leads to. */
export function followJsonPath({ steps }: JsonPath, value: unknown): readonly unknown[] {
  return steps.reduce<readonly unknown[]>((values, step) => values.flatMap((each) => follow(step, each)), [value])
}

function follow(step: Step, value: unknown): readonly unknown[] {
  switch (step.type) {
    case 'field':
      return present(isMap(value) && Object.hasOwn(value, step.name) ? value[step.name] : undefined)
    case 'index':
      return present(Array.isArray(value) ? value.at(step.index) : undefined)
    case 'all':
      return Array.isArray(value) ? value : isMap(value) ? Object.values(value) : []
    case 'where':
      return (Array.isArray(value) ? value : []).filter((item) =>
        followJsonPath({ steps: step.path }, item).some((found) => found === step.equals),
      )
    default:
      return step satisfies never
  }
}

/** Sets what a path of plain fields leads to, in place; makes the objects on the way. */
export function setByJsonPath({ steps }: JsonPath, target: Record<string, unknown>, value: unknown): void {
  const names = steps.flatMap((step) => (step.type === 'field' ? [step.name] : []))
  const last = names.pop()
  if (last === undefined) return
  let at = target
  for (const name of names) {
    const next = at[name]
    const inner = isMap(next) ? next : {}
    at[name] = inner
    at = inner
  }
  at[last] = value
}

function present(value: unknown): readonly unknown[] {
  return value === undefined ? [] : [value]
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

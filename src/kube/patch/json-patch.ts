import { errorMessage, FairleadError } from '../../base/error.ts'
import { isJsonObject, jsonEqual, jsonTypeName, withMember, withoutMember } from './json.ts'

/** As upstream: more operations, or copies that add up to more than a request may hold, are refused. */
const MAX_OPERATIONS = 10_000
const MAX_COPIED_CHARACTERS = 3 * 1024 * 1024

type Container = readonly unknown[] | Readonly<Record<string, unknown>>

interface Operation {
  readonly op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test'
  readonly path: readonly string[]
  /** Of `move` and `copy`. */
  readonly from: readonly string[]
  readonly value: unknown
}

/**
 * Applies a JSON Patch (RFC 6902) and returns the new document; the given one stays as it is and shares with the new
 * what did not change.
 *
 * @param operations As they came in: anything that is not an operation is refused.
 * @throws FairleadError `INVALID_INPUT` that names the operation, its path and what stands against it; nothing is applied.
 */
export function applyJsonPatch(document: unknown, operations: unknown): unknown {
  if (!Array.isArray(operations)) {
    throw new FairleadError(
      'INVALID_INPUT',
      `Cannot apply JSON patch: found ${jsonTypeName(operations)}, expected list`,
    )
  }
  if (operations.length > MAX_OPERATIONS) {
    const text = `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${operations.length}`
    throw new FairleadError('INVALID_INPUT', text)
  }
  let copied = 0
  return operations.reduce((tree: unknown, operation: unknown, index) => {
    try {
      const parsed = parseOperation(operation)
      if (parsed.op === 'copy') copied += JSON.stringify(readPointer(tree, parsed.from)).length
      if (copied > MAX_COPIED_CHARACTERS)
        throw refusal(`copies add up to more than ${MAX_COPIED_CHARACTERS} characters`)
      return applyOperation(tree, parsed)
    } catch (cause) {
      const text = `Cannot apply JSON patch operation ${index} (${describe(operation)}): ${errorMessage(cause)}`
      throw new FairleadError('INVALID_INPUT', text, { cause })
    }
  }, document)
}

function parseOperation(operation: unknown): Operation {
  if (!isJsonObject(operation)) throw refusal(`found ${jsonTypeName(operation)}, expected object`)
  const { op, path, from, value } = operation
  if (op !== 'add' && op !== 'remove' && op !== 'replace' && op !== 'move' && op !== 'copy' && op !== 'test') {
    throw refusal('op must be add, remove, replace, move, copy or test')
  }
  if ((op === 'add' || op === 'replace' || op === 'test') && value === undefined) throw refusal('value is missing')
  const source = op === 'move' || op === 'copy' ? parsePointer('from', from) : []
  return { op, path: parsePointer('path', path), from: source, value }
}

function parsePointer(name: string, pointer: unknown): readonly string[] {
  if (typeof pointer !== 'string') throw refusal(`${name} is missing`)
  if (pointer === '') return []
  if (!pointer.startsWith('/') || /~(?![01])/.test(pointer)) throw refusal(`${name} "${pointer}" is no JSON pointer`)
  return pointer
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function applyOperation(tree: unknown, { op, path, from, value }: Operation): unknown {
  switch (op) {
    case 'add':
      return add(tree, path, value)
    case 'remove':
      return remove(tree, path)
    case 'replace':
      readPointer(tree, path)
      return path.length === 0 ? value : edit(tree, path, (holder, token) => put(holder, token, value))
    case 'move':
      if (path.length > from.length && from.every((token, index) => token === path[index])) {
        throw refusal('a value cannot be moved into itself')
      }
      return jsonEqual(path, from) ? requirePlace(tree, from) : add(remove(tree, from), path, readPointer(tree, from))
    case 'copy':
      return add(tree, path, readPointer(tree, from))
    case 'test':
      if (!jsonEqual(readPointer(tree, path), value)) throw refusal('the value there is another one')
      return tree
    default:
      return op satisfies never
  }
}

function add(tree: unknown, path: readonly string[], value: unknown): unknown {
  if (path.length === 0) return value
  return edit(tree, path, (holder, token) => {
    if (!isList(holder)) return put(holder, token, value)
    const index = token === '-' ? holder.length : indexIn(token, holder.length)
    return holder.toSpliced(index, 0, value)
  })
}

function remove(tree: unknown, path: readonly string[]): unknown {
  readPointer(tree, path)
  if (path.length === 0) return null
  return edit(tree, path, (holder, token) =>
    isList(holder) ? holder.toSpliced(Number(token), 1) : withoutMember(holder, token),
  )
}

/** Copies the containers along the path, the last of them as `change` has it. */
function edit(
  tree: unknown,
  [token = '', ...rest]: readonly string[],
  change: (holder: Container, token: string) => Container,
): Container {
  const holder = containerOf(tree, token)
  if (rest.length === 0) return change(holder, token)
  return put(holder, token, edit(childOf(holder, token), rest, change))
}

function put(holder: Container, token: string, value: unknown): Container {
  return isList(holder) ? holder.with(Number(token), value) : withMember(holder, token, value)
}

function readPointer(tree: unknown, path: readonly string[]): unknown {
  return path.reduce((value: unknown, token) => childOf(containerOf(value, token), token), tree)
}

function requirePlace(tree: unknown, path: readonly string[]): unknown {
  readPointer(tree, path)
  return tree
}

function childOf(holder: Container, token: string): unknown {
  if (isList(holder)) return holder[indexIn(token, holder.length - 1)]
  if (!Object.hasOwn(holder, token)) throw refusal(`there is no "${token}"`)
  return holder[token]
}

function containerOf(value: unknown, token: string): Container {
  if (isList(value) || isJsonObject(value)) return value
  throw refusal(`"${token}" is looked for in a ${jsonTypeName(value)}, which has no members`)
}

function indexIn(token: string, last: number): number {
  if (!/^(0|[1-9]\d{0,8})$/.test(token)) throw refusal(`"${token}" is no index of a list`)
  if (Number(token) > last) throw refusal(`index ${token} is beyond the end of the list`)
  return Number(token)
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}

function describe(operation: unknown): string {
  if (!isJsonObject(operation)) return 'not an operation'
  const { op, path, from } = operation
  const parts = [op, from, path].filter((part) => part !== undefined)
  // An object cannot be trusted to have a text of its own.
  return parts.map((part) => (typeof part === 'string' ? part : JSON.stringify(part))).join(' ')
}

function refusal(detail: string): FairleadError {
  return new FairleadError('INVALID_INPUT', detail)
}

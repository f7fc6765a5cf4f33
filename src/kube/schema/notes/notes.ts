import { CORE_NOTES } from './core-notes.ts'
import { GROUP_NOTES } from './group-notes.ts'
import { POD_NOTES } from './pod-notes.ts'

/**
 * What is told of a message and its fields, beside their types: in our own words, for `kubectl explain`.
 *
 * Notation: `Message: text`, and below it, indented, `field: text` with marks behind the name: `!` the field is required,
 * `[value]` its default as JSON, `{A B}` the values that it may have. `*` behind a message: it is merged as one value.
 */
export interface MessageNotes {
  readonly description: string
  /** Server-side apply takes it as a whole. */
  readonly atomic: boolean
  readonly fields: ReadonlyMap<string, FieldNotes>
}

export interface FieldNotes {
  readonly description: string
  readonly required: boolean
  readonly default?: unknown
  readonly values?: readonly string[]
}

const MESSAGE = /^(\w+)(\*)?: (.*)$/
const FIELD = /^ {2}(\w+)(!)?(?: \[([^\]]*)\])?(?: \{([^}]*)\})? ?: (.*)$/

let all: ReadonlyMap<string, MessageNotes> | undefined

/** The notes of a message; read when they are first asked for. */
export function notesOf(message: string): MessageNotes | undefined {
  all ??= new Map([CORE_NOTES, POD_NOTES, GROUP_NOTES].flatMap(readNotes))
  return all.get(message)
}

/** Names of all messages that there are notes of. */
export function notedMessages(): readonly string[] {
  all ??= new Map([CORE_NOTES, POD_NOTES, GROUP_NOTES].flatMap(readNotes))
  return [...all.keys()]
}

function readNotes(text: string): readonly (readonly [string, MessageNotes])[] {
  return text
    .trim()
    .split(/\n(?=\S)/)
    .map((entry) => {
      const [head = '', ...lines] = entry.split('\n')
      const [, name = '', atomic, description = ''] = MESSAGE.exec(head) ?? []
      return [name, { description, atomic: atomic !== undefined, fields: new Map(lines.map(readField)) }] as const
    })
}

function readField(line: string): readonly [string, FieldNotes] {
  const [, name = '', required, value, values, description = ''] = FIELD.exec(line) ?? []
  return [
    name,
    {
      description,
      required: required !== undefined,
      ...(value === undefined ? {} : { default: JSON.parse(value) as unknown }),
      ...(values === undefined ? {} : { values: values.split(' ') }),
    },
  ]
}

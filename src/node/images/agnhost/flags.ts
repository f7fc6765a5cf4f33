import { FairleadError } from '../../../base/error.ts'
import { parseGoDuration } from '../../../base/go-duration.ts'

/** Flags of a command line, by their names. */
export interface Flags {
  text(name: string, otherwise: string): string
  /** @throws FairleadError `USAGE` */
  number(name: string, otherwise: number): number
  boolean(name: string, otherwise: boolean): boolean
  /** Milliseconds. @throws FairleadError `USAGE` */
  duration(name: string, otherwise: number): number
}

/** Names of one letter, of which `logs-generator` has two. */
const SHORT: Readonly<Record<string, string>> = { d: 'run-duration', t: 'log-lines-total' }
/** What may stand alone; the next word is not its value. */
const BOOLEAN: ReadonlySet<string> = new Set(['tcp', 'udp', 'http', 'close', 'json-response'])

/**
 * Takes `--name=value`, `--name value` and `-n value` apart from the other words, as Go's pflag does.
 */
export function parseFlags(words: readonly string[]): { readonly flags: Flags; readonly args: readonly string[] } {
  const values = new Map<string, string>()
  const args: string[] = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? ''
    if (word === '--') {
      args.push(...words.slice(i + 1))
      break
    }
    const match = /^--?([^=-][^=]*)(?:=(.*))?$/s.exec(word)
    if (match === null) {
      args.push(word)
      continue
    }
    const name = SHORT[match[1] ?? ''] ?? match[1] ?? ''
    if (match[2] !== undefined) values.set(name, match[2])
    else if (BOOLEAN.has(name)) values.set(name, 'true')
    else values.set(name, words[++i] ?? '')
  }
  return { flags: flagsOf(values), args }
}

function flagsOf(values: ReadonlyMap<string, string>): Flags {
  return {
    text: (name, otherwise) => values.get(name) ?? otherwise,
    number: (name, otherwise) => {
      const text = values.get(name)
      if (text === undefined) return otherwise
      if (/^-?\d+$/.test(text)) return Number(text)
      throw new FairleadError('USAGE', `Cannot take --${name}="${text}"; wanted a whole number`)
    },
    boolean: (name, otherwise) => {
      const text = values.get(name)
      return text === undefined ? otherwise : /^(1|t|true)$/i.test(text)
    },
    duration: (name, otherwise) => {
      const text = values.get(name)
      if (text === undefined) return otherwise
      const milliseconds = parseGoDuration(text)
      if (milliseconds !== undefined) return milliseconds
      throw new FairleadError('USAGE', `Cannot take --${name}="${text}"; wanted a duration such as 3s`)
    },
  }
}

/**
 * The syntax of a Corefile (that of Caddyfiles): server blocks of directives, with snippets, imports and environment
 * variables. What directives mean: server-config.ts.
 */
import { FairleadError } from '../../base/error.ts'

export interface Directive {
  readonly name: string
  readonly args: readonly string[]
  /** Lines of its block. */
  readonly block: readonly Directive[]
  readonly file: string
  readonly line: number
}

export interface ServerBlock {
  /** `.:53`, `example.org`, ... */
  readonly keys: readonly string[]
  readonly directives: readonly Directive[]
  readonly file: string
  readonly line: number
}

export interface CorefileOptions {
  /** Its name in errors. */
  readonly file: string
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Contents of the files that a pattern of `import` names, by path; none when there is no such file. */
  readonly readFiles?: (pattern: string, from: string) => ReadonlyMap<string, string>
}

interface Token {
  readonly text: string
  readonly line: number
  readonly file: string
  readonly quoted: boolean
}

const MAX_IMPORTS = 1_000

/**
 * Reads a Corefile.
 *
 * @throws FairleadError `INVALID_INPUT` with file and line, in CoreDNS's words.
 */
export function parseCorefile(text: string, options: CorefileOptions): readonly ServerBlock[] {
  return new Parser(options).parse(text)
}

/** An error of a Corefile: `Corefile:7 - Error during parsing: Unknown directive 'foo'`. */
export function corefileError({ file, line }: { readonly file: string; readonly line: number }, what: string) {
  return new FairleadError('INVALID_INPUT', `${file}:${line} - Error during parsing: ${what}`)
}

class Parser {
  readonly #options: CorefileOptions
  readonly #snippets = new Map<string, readonly Token[]>()
  #imports = 0

  constructor(options: CorefileOptions) {
    this.#options = options
  }

  parse(text: string): ServerBlock[] {
    return this.#blocks(this.#tokens(text, this.#options.file))
  }

  #blocks(tokens: readonly Token[]): ServerBlock[] {
    const blocks: ServerBlock[] = []
    let at = 0
    while (at < tokens.length) {
      const first = tokens[at] as Token
      if (isWord(first, 'import')) {
        const line = lineAt(tokens, at)
        blocks.push(...this.#blocks(this.#import(line)))
        at += line.length
        continue
      }
      const open = findOpen(tokens, at)
      if (open < 0) {
        // One server block alone needs no braces.
        if (blocks.length > 0) throw corefileError(first, `Unexpected token '${first.text}', expecting '{'`)
        const keys = lineAt(tokens, at)
        blocks.push(this.#block(keys, tokens.slice(at + keys.length)))
        break
      }
      const close = findClose(tokens, open)
      const keys = tokens.slice(at, open)
      const body = tokens.slice(open + 1, close)
      const snippet = keys.length === 1 ? /^\((.+)\)$/.exec(keys[0]?.text ?? '')?.[1] : undefined
      if (snippet === undefined) blocks.push(this.#block(keys, body))
      else if (this.#snippets.has(snippet))
        throw corefileError(first, `redeclaration of previously declared snippet ${snippet}`)
      else this.#snippets.set(snippet, body)
      at = close + 1
    }
    return blocks
  }

  #block(keys: readonly Token[], body: readonly Token[]): ServerBlock {
    const [first] = keys
    if (first === undefined) {
      const place = body[0] ?? { file: this.#options.file, line: 1 }
      throw corefileError(place, 'a server block has no zone before its {')
    }
    const names = keys.flatMap(({ text }) => text.split(',')).filter((text) => text !== '')
    return { keys: names, directives: this.#directives(body), file: first.file, line: first.line }
  }

  #directives(tokens: readonly Token[]): Directive[] {
    const directives: Directive[] = []
    let at = 0
    while (at < tokens.length) {
      const line = lineAt(tokens, at)
      at += line.length
      const [first, ...rest] = line
      if (first === undefined) break
      if (isWord(first, 'import')) {
        directives.push(...this.#directives(this.#import(line)))
        continue
      }
      if (isWord(first, '{') || isWord(first, '}')) throw corefileError(first, `Unexpected '${first.text}'`)
      const opens = rest.at(-1)
      const { text: name, file, line: number } = first
      if (opens === undefined || !isWord(opens, '{')) {
        directives.push({ name, args: rest.map(({ text }) => text), block: [], file, line: number })
        continue
      }
      const close = findClose(tokens, at - 1)
      const block = this.#directives(tokens.slice(at, close))
      directives.push({ name, args: rest.slice(0, -1).map(({ text }) => text), block, file, line: number })
      at = close + 1
    }
    return directives
  }

  /** `import SNIPPET|PATTERN [ARGS...]`; `{args.0}` stands for the first argument. */
  #import(line: readonly Token[]): readonly Token[] {
    const [, what, ...args] = line
    const place = line[0] as Token
    if (what === undefined) throw corefileError(place, 'import needs the name of a snippet or a file')
    if (++this.#imports > MAX_IMPORTS) throw corefileError(place, `import of ${what.text} never ends`)
    const filled = (tokens: readonly Token[]) =>
      tokens.map((token) => ({
        ...token,
        text: token.text.replace(/\{args\.(\d+)\}/g, (all, index: string) => args[Number(index)]?.text ?? all),
      }))
    const snippet = this.#snippets.get(what.text)
    if (snippet !== undefined) return filled(snippet)
    const files = this.#options.readFiles?.(what.text, place.file) ?? new Map<string, string>()
    if (files.size === 0 && !/[*?[]/.test(what.text)) {
      throw corefileError(place, `File to import not found: ${what.text}`)
    }
    return filled([...files].flatMap(([file, text]) => this.#tokens(text, file)))
  }

  #tokens(text: string, file: string): Token[] {
    const tokens: Token[] = []
    // A quoted text, a comment to the end of its line, a line's end, or a word.
    const pattern = /"((?:\\"|[^"])*)"|(#[^\n]*)|(\n)|([^\s"#][^\s]*)/g
    let line = 1
    for (const [, quoted, , newline, word] of text.matchAll(pattern)) {
      if (newline !== undefined) line++
      else if (quoted !== undefined) {
        tokens.push({ text: this.#expand(quoted.replaceAll('\\"', '"')), line, file, quoted: true })
        line += quoted.split('\n').length - 1
      } else if (word !== undefined) tokens.push({ text: this.#expand(word), line, file, quoted: false })
    }
    return tokens
  }

  /** `{$NAME}` and `{%NAME%}`. */
  #expand(text: string): string {
    const { env = {} } = this.#options
    return text.replace(
      /\{\$([^}]+)\}|\{%([^}]+)%\}/g,
      (_, one?: string, other?: string) => env[one ?? other ?? ''] ?? '',
    )
  }
}

function isWord(token: Token, text: string): boolean {
  return !token.quoted && token.text === text
}

/** The tokens of the line that begins at `at`. */
function lineAt(tokens: readonly Token[], at: number): readonly Token[] {
  const { line, file } = tokens[at] as Token
  let end = at + 1
  while (tokens[end]?.line === line && tokens[end]?.file === file) end++
  return tokens.slice(at, end)
}

/** Where the `{` of a block of which the keys begin at `at` is; keys may take several lines when they end in commas. */
function findOpen(tokens: readonly Token[], at: number): number {
  for (let i = at; i < tokens.length; i++) {
    const token = tokens[i] as Token
    if (isWord(token, '{')) return i
    const next = tokens[i + 1]
    if (next === undefined || (next.line !== token.line && !token.text.endsWith(',') && !isWord(next, '{'))) return -1
  }
  return -1
}

function findClose(tokens: readonly Token[], open: number): number {
  let depth = 0
  for (let i = open; i < tokens.length; i++) {
    const token = tokens[i] as Token
    if (isWord(token, '{')) depth++
    else if (isWord(token, '}') && --depth === 0) return i
  }
  throw corefileError(tokens[open] as Token, "Unexpected EOF, expecting '}'")
}

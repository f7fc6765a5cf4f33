import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { errorMessage, FairleadError } from '../../base/error.ts'
import { parseCorefile } from './parse-corefile.ts'
import { type BlockConfig, serverConfig } from './server-config.ts'

/** A Corefile that was read, and its text with that of all that it imports, to see whether it has changed. */
export interface LoadedCorefile {
  readonly blocks: readonly BlockConfig[]
  readonly text: string
  /** SHA-512 of the text, in hexadecimal. */
  readonly hash: string
}

export interface LoadOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  /** For server blocks without a port. */
  readonly defaultPort?: number
}

/**
 * Reads a Corefile and what it imports.
 *
 * @throws FairleadError `NOT_FOUND`, `INVALID_INPUT` with file and line.
 */
export function loadCorefile(path: string, { env, defaultPort }: LoadOptions): LoadedCorefile {
  const texts = [readText(path)]
  const readFiles = (pattern: string, from: string) => {
    const files = matchingFiles(resolve(dirname(resolve(dirname(path), from)), pattern))
    const contents = new Map(files.map((file) => [file, readText(file)]))
    texts.push(...contents.values())
    return contents
  }
  const blocks = parseCorefile(texts[0] ?? '', { file: path, env, readFiles })
  const text = texts.join('\n')
  return { blocks: serverConfig(blocks, defaultPort), text, hash: createHash('sha512').update(text).digest('hex') }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new FairleadError('NOT_FOUND', `Cannot read the Corefile ${path}: ${errorMessage(cause)}`, { cause })
  }
}

/** Files that a pattern names; `*` and `?` stand for characters of the last part. */
function matchingFiles(pattern: string): string[] {
  if (existsSync(pattern) && statSync(pattern).isFile()) return [pattern]
  const directory = dirname(pattern)
  if (!existsSync(directory)) return []
  const escaped = basename(pattern).replace(/[.+^${}()|[\]\\]/g, '\\$&')
  const matcher = new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`)
  const names = readdirSync(directory).filter((name) => matcher.test(name) && !name.startsWith('.'))
  return names.sort().map((name) => join(directory, name))
}

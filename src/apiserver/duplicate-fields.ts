/**
 * Finds fields that stand twice in an object of a JSON text that JSON.parse takes; the last one counts there.
 *
 * @returns Their paths as upstream's strict decoding names them, e.g. `spec.ports[0].port`, each once, at most `limit`.
 */
export function duplicateFields(text: string, limit = 10): readonly string[] {
  const found = new Set<string>()
  const open: Level[] = []
  let level: Level | undefined
  let key: string | undefined
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE: {
        const end = endOfString(text, at)
        if (level?.keys !== undefined && key === undefined) {
          key = JSON.parse(text.slice(at, end + 1)) as string
          if (level.keys.has(key) && found.size < limit) found.add(level.path === '' ? key : `${level.path}.${key}`)
          level.keys.add(key)
        }
        at = end
        break
      }
      case OPEN_BRACE:
      case OPEN_BRACKET:
        if (level !== undefined) open.push(level)
        level = { path: pathOf(level, key), keys: text.charCodeAt(at) === OPEN_BRACE ? new Set() : undefined, index: 0 }
        key = undefined
        break
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        level = open.pop()
        break
      case COMMA:
        key = undefined
        if (level !== undefined) level.index++
        break
      default:
    }
  }
  return [...found]
}

interface Level {
  readonly path: string
  /** Of an object; a list has none. */
  readonly keys: Set<string> | undefined
  index: number
}

function pathOf(level: Level | undefined, key: string | undefined): string {
  if (level === undefined) return ''
  if (level.keys === undefined) return `${level.path}[${level.index}]`
  return level.path === '' ? (key ?? '') : `${level.path}.${key}`
}

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === BACKSLASH) at++
    else if (code === QUOTE) return at
  }
  return text.length
}

/**
 * Transcripts: what is typed and what is seen, as text. `README.md` beside this file says how they are written.
 */

/** A command of a transcript with what it has to print. */
export interface TranscriptStep {
  /** Comments and directives above it, as they are. */
  readonly above: readonly string[]
  /** Shell, several lines perhaps. */
  readonly command: string
  /** What it prints, in every version's form: lines may carry conditions. */
  readonly expected: readonly string[]
  /** It is tried again until it prints what is expected. */
  readonly eventually: boolean
  /** The order of its lines does not matter. */
  readonly sorted: boolean
  /** Versions that it is for. */
  readonly when: string | undefined
}

const CONDITION = /^\{(<|>=)1\.(\d+)\} ?/

/** Reads a transcript; throws for text that belongs to no command. */
export function parseTranscript(text: string): readonly TranscriptStep[] {
  const steps: { above: string[]; command: string; expected: string[] }[] = []
  let above: string[] = []
  for (const line of text.replace(/\n+$/, '').split('\n')) {
    const last = steps.at(-1)
    if (line.startsWith('$ ')) {
      steps.push({ above, command: line.slice(2), expected: [] })
      above = []
    } else if (/^(#|@|$)/.test(line)) above.push(line)
    else if (last === undefined) throw new Error(`belongs to no command: ${line}`)
    else if (line.startsWith('> ') && last.expected.length === 0) last.command += `\n${line.slice(2)}`
    else {
      // What is printed may have such lines too.
      last.expected.push(...above, line)
      above = []
    }
  }
  return steps.map(stepOf)
}

function stepOf({
  above,
  command,
  expected,
}: {
  above: string[]
  command: string
  expected: string[]
}): TranscriptStep {
  const directives = above.filter((line) => line.startsWith('@'))
  return {
    above,
    command,
    expected,
    eventually: directives.includes('@eventually'),
    sorted: directives.includes('@sorted'),
    when: directives.find((line) => line.startsWith('@{'))?.slice(1),
  }
}

/** Whether a step is for this minor version. */
export function isFor({ when }: TranscriptStep, minor: number): boolean {
  return when === undefined || holds(when, minor)
}

/** The lines that this minor version has to print, without their conditions. */
export function expectedBy({ expected }: TranscriptStep, minor: number): readonly string[] {
  return expected.filter((line) => holds(line, minor)).map((line) => line.replace(CONDITION, ''))
}

function holds(line: string, minor: number): boolean {
  const [, sign, number] = CONDITION.exec(line) ?? []
  if (sign === undefined) return true
  return sign === '<' ? minor < Number(number) : minor >= Number(number)
}

/** Whether lines are as expected; `...` stands for any lines, `<*>` for any text within one. */
export function matches(expected: readonly string[], actual: readonly string[]): boolean {
  const [first, ...rest] = expected
  if (first === undefined) return actual.length === 0
  if (first === '...') return matches(rest, actual) || (actual.length > 0 && matches(expected, actual.slice(1)))
  const [line, ...others] = actual
  return line !== undefined && lineMatches(first, line) && matches(rest, others)
}

function lineMatches(expected: string, actual: string): boolean {
  if (!expected.includes('<*>')) return expected === actual
  const parts = expected.split('<*>').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`).test(actual)
}

/** Letters that random parts of names are made of. */
const RANDOM = '[bcdfghjklmnpqrstvwxz2456789]'

/** What colours and moves on a terminal. */
const TERMINAL_CODES = new RegExp(`${String.fromCharCode(27)}\\[[\\d;?]*[A-Za-z]`, 'g')

/** Makes equal what differs from run to run: ages, times, random parts of names, addresses, versions of objects. */
export function alike(text: string): readonly string[] {
  const lines = text
    .replace(TERMINAL_CODES, '')
    .replace(/\r/g, '')
    .replace(/\b(\d+d)?(\d+h)?(\d+m)?\d+(\.\d+)?m?s\b/g, 'AGE')
    .replace(/\bAGE( \(x\d+ over AGE\))/g, 'AGE')
    .replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, 'TIME')
    .replace(/\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]{8} [+-]\d{4}/g, 'DATE')
    .replace(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, 'UID')
    .replace(/\b(resourceVersion"?: )"\d+"/g, '$1"N"')
    .replace(/\b10\.96\.\d+\.\d+(?<!10\.96\.0\.1)\b(?!\/)/g, 'CLUSTER-IP')
    .replace(/\b10\.244\.\d+\.\d+\b(?!\/)/g, 'POD-IP')
    .replace(/\b192\.168\.[0-2]\.11\b/g, 'NODE-IP')
    // A load balancer's address comes in its time.
    .replace(/\b203\.0\.113\.\d+\b|<pending>/g, 'PUBLIC-IP')
    .replace(/(127\.0\.0\.1:|\[::1\]:|Handling connection for )\d+/g, '$1PORT')
    .replace(/\b3[0-2]\d{3}\b/g, 'NODEPORT')
    .replace(/\bnode-\d\b/g, 'NODE')
    .replace(/\bfairlead-t\d+y\b/g, 'fairlead-CLUSTER')
    .replace(new RegExp(`-${RANDOM}{6,10}-${RANDOM}{5}\\b`, 'g'), '-HASH-ID')
    .replace(new RegExp(`-${RANDOM}{8,10}\\b`, 'g'), '-HASH')
    .replace(/(pod-template-hash=|controller-revision-hash=)\S+?(?=[,\s]|$)/gm, '$1HASH')
    .replace(new RegExp(`-${RANDOM}{5}\\b`, 'g'), '-ID')
    .replace(/(?<=\S) +/g, ' ')
    .replace(/[ \t]+$/gm, '')
    .replace(/\n+$/, '')
  return lines === '' ? [] : lines.split('\n')
}

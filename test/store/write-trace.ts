/** What a process did to a file and said on its standard output, in order, as strace(1) saw it. */
export type TraceStep =
  | {
      readonly do: 'write'
      readonly at: number
      readonly bytes: Buffer
      /** The descriptor has O_DSYNC: it is on the disk when the call returns. */
      readonly synchronous: boolean
    }
  | { readonly do: 'size'; readonly bytes: number }
  /** All that was written before is on the disk. */
  | { readonly do: 'sync' }
  | { readonly do: 'print'; readonly text: string }

/** What to record for {@link readTrace}. */
export const STRACE_ARGUMENTS = [
  ...['-f', '-y', '-xx', '-s', '16777216', '--signal=none'],
  ...['-e', 'trace=openat,lseek,write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,msync,ftruncate,fallocate'],
]

/** Reads a record. Writes count when they begin, syncs when they end. @param file The path whose changes are wanted */
export function readTrace(text: string, file: string): TraceStep[] {
  const files: Descriptors = { synchronous: new Set(), positions: new Map() }
  const waiting = new Map<string, string>()
  const steps: TraceStep[] = []
  for (const line of text.split('\n')) {
    const match = /^(\d+) +(.*)$/.exec(line)
    if (match === null) continue
    const [, thread = '', rest = ''] = match
    const call = wholeCall(waiting, thread, rest)
    if (call !== undefined) steps.push(...stepOf(call, file, files))
  }
  return steps
}

/** A call that others came between is on two lines. */
function wholeCall(waiting: Map<string, string>, thread: string, text: string): string | undefined {
  if (text.endsWith('<unfinished ...>')) {
    waiting.set(thread, text.slice(0, -'<unfinished ...>'.length))
    return undefined
  }
  const resumed = /^<\.\.\. \w+ resumed>/.exec(text)
  return resumed === null ? text : `${waiting.get(thread) ?? ''}${text.slice(resumed[0].length)}`
}

/** What is known of open descriptors. */
interface Descriptors {
  readonly synchronous: Set<string>
  readonly positions: Map<string, number>
}

const CALL = /^(\w+)\((?:AT_FDCWD<[^>]*>, |(\d+)<([^>]*)>(?:, )?)?(.*)\) += (-?\d+)/s

function stepOf(call: string, file: string, { synchronous, positions }: Descriptors): TraceStep[] {
  const match = CALL.exec(call)
  if (match === null) return []
  const [, name = '', descriptor = '', path = '', rest = '', result = ''] = match
  if (name === 'openat') {
    const [quoted = '', flags = ''] = rest.split(', ')
    if (unhex(quoted.slice(1, -1)).toString() === file && /O_DSYNC|O_SYNC/.test(flags)) synchronous.add(result)
    return []
  }
  if (name === 'write' && descriptor === '1') return [{ do: 'print', text: unhex(rest.split('"')[1] ?? '').toString() }]
  if (!isPath(path, file)) return []
  const written = (at: number): TraceStep[] => [
    { do: 'write', at, bytes: Buffer.concat(quotedBytes(rest)), synchronous: synchronous.has(descriptor) },
  ]
  switch (name) {
    case 'lseek':
      positions.set(descriptor, Number(result))
      return []
    case 'write':
    case 'writev': {
      const at = positions.get(descriptor) ?? 0
      positions.set(descriptor, at + Number(result))
      return written(at)
    }
    case 'pwrite64':
    case 'pwritev':
      return written(Number(/, (\d+)$/.exec(rest)?.[1]))
    case 'fsync':
    case 'fdatasync':
      return result === '0' ? [{ do: 'sync' }] : []
    case 'ftruncate':
      return [{ do: 'size', bytes: Number(rest) }]
    default:
      throw new Error(`${name} of ${file} is not understood: ${call.slice(0, 200)}`)
  }
}

function quotedBytes(text: string): Buffer[] {
  return text.split('"').flatMap((part, index) => (index % 2 === 1 ? [unhex(part)] : []))
}

function isPath(shown: string, file: string): boolean {
  return shown === file || unhex(shown).toString() === file
}

/** `\x61\x62` -> `ab` */
function unhex(text: string): Buffer {
  return text.startsWith('\\x') ? Buffer.from(text.replaceAll('\\x', ''), 'hex') : Buffer.from(text)
}

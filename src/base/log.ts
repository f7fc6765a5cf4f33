import { type Logger, pino } from 'pino'

/** Structured logger: a constant message plus fields; objects are named `{ kind, namespace, name }`. */
export type Log = Logger

export interface LogOptions {
  /** Component that speaks, e.g. `apiserver`, `proxy`. */
  readonly component: string
  /** @default FAIRLEAD_LOG_LEVEL or 'info' */
  readonly level?: string
  /** File descriptor written to. @default 2 (standard error) */
  readonly fd?: number
}

/** A logger that writes one JSON object per line. Write is synchronous so that a crash loses no line. */
export function createLog(options: LogOptions): Log {
  const level = options.level ?? process.env.FAIRLEAD_LOG_LEVEL ?? 'info'
  return pino(
    { level, base: { component: options.component }, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: options.fd ?? 2, sync: true }),
  )
}

/** A logger that says nothing; for tests. */
export const silentLog: Log = pino({ level: 'silent' })

import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { unless } from '../base/unless.ts'

/** glibc keeps the first two for itself. */
const FIRST_REALTIME = 34
const LAST_REALTIME = 64

/** The number of `SIGTERM`, `SIGRTMIN+3`, `SIGRTMAX-1`, ...; undefined for what is no signal's name. */
export function signalNumber(name: string): number | undefined {
  const [, edge, sign, offset] = /^SIGRT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name) ?? []
  if (edge === undefined)
    return Object.hasOwn(constants.signals, name) ? constants.signals[name as NodeJS.Signals] : undefined
  const number = (edge === 'MIN' ? FIRST_REALTIME : LAST_REALTIME) + Number(`${sign ?? '+'}${offset ?? 0}`)
  return number >= FIRST_REALTIME && number <= LAST_REALTIME ? number : undefined
}

export interface SignalDisposition {
  /** `comm`: what the process runs, cut to 15 bytes. */
  readonly command: string
  /** What a signal does that arrives now: a program has a handler, ignores it, lets it wait, or has said nothing. */
  readonly kind: 'caught' | 'ignored' | 'blocked' | 'default'
  /** The process is the first of its process namespace: the kernel drops signals that it has said nothing about. */
  readonly first: boolean
}

/** What a process does about a signal (proc(5), `SigCgt` and others of `/proc/PID/status`); undefined when it is gone. */
export function signalDisposition(pid: number, signal: number): SignalDisposition | undefined {
  const status = readStatus(pid)
  if (status === undefined) return undefined
  const has = (field: string) => {
    const mask = new RegExp(`^${field}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1]
    return mask !== undefined && ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n
  }
  const command = /^Name:\t(.*)$/m.exec(status)?.[1] ?? ''
  const first = /^NSpid:.*\t1$/m.test(status)
  if (has('SigCgt')) return { command, kind: 'caught', first }
  if (has('SigIgn')) return { command, kind: 'ignored', first }
  return { command, kind: has('SigBlk') ? 'blocked' : 'default', first }
}

function readStatus(pid: number): string | undefined {
  return unless(['ENOENT', 'ESRCH'], () => readFileSync(`/proc/${pid}/status`, 'latin1'))
}

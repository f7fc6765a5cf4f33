import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { systemErrorCode } from '../base/error.ts'
import { unless } from '../base/unless.ts'
import { inNetns } from './netns.ts'

/** One process among all that ever have this number: a number is given again, with another start. */
export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks between the boot of the machine and the start. */
  readonly startTicks: number
}

/** Starts a program inside a network namespace (by path). The child stays there. */
export function spawnIn(
  netns: string | undefined,
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): ChildProcess {
  return inNetns(netns, () => spawn(command, args, options))
}

/** Which process has this number now; undefined when there is none, or it has ended and waits for its parent. */
export function readProcessIdentity(pid: number): ProcessIdentity | undefined {
  const stat = readProcFile(pid, 'stat')
  if (stat === undefined) return undefined
  const { state, startTicks } = parseProcessStat(stat)
  return state === 'Z' || state === 'X' ? undefined : { pid, startTicks }
}

/** State letter and start of a line of /proc/PID/stat (proc(5), fields 3 and 22). */
export function parseProcessStat(stat: string): { state: string; startTicks: number } {
  // The name, field 2, is in parentheses and may hold spaces and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { state: fields[0] ?? '', startTicks: Number(fields[19]) }
}

/** Whether this very process runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  return readProcessIdentity(identity.pid)?.startTicks === identity.startTicks
}

/** Signals this very process, never another that got its number; false when it is gone. */
export function killProcess(identity: ProcessIdentity, signal: NodeJS.Signals | number): boolean {
  if (!isAlive(identity)) return false
  try {
    return process.kill(identity.pid, signal)
  } catch (error) {
    if (systemErrorCode(error) === 'ESRCH') return false
    throw error
  }
}

/** The processes in a network namespace (by path), this one included. */
export function processesInNetns(netns: string): ProcessIdentity[] {
  const link = `net:[${statSync(netns).ino}]`
  return allPids().flatMap((pid) => (readNamespaceLink(pid) === link ? (readProcessIdentity(pid) ?? []) : []))
}

/** The arguments that a process was started with; undefined when it is gone. */
export function readCommandLine(pid: number): string[] | undefined {
  return readProcFile(pid, 'cmdline')?.split('\0').slice(0, -1)
}

/** The numbers of all processes. */
export function allPids(): number[] {
  return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []))
}

const UNREADABLE = ['ENOENT', 'ESRCH', 'EACCES']

function readNamespaceLink(pid: number): string | undefined {
  return unless(UNREADABLE, () => readlinkSync(`/proc/${pid}/ns/net`))
}

function readProcFile(pid: number, file: string): string | undefined {
  return unless(UNREADABLE, () => readFileSync(`/proc/${pid}/${file}`, 'utf8'))
}

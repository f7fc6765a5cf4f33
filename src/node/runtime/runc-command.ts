import { spawn } from 'node:child_process'
import { accessSync, constants, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorMessage, FairleadError, systemErrorCode } from '../../base/error.ts'
import type { ProcessIdentity } from '../../linux/process.ts'
import type { ExecResult } from './runtime.ts'

/** runc itself: where it is, and where it keeps its state. */
export interface Runc {
  readonly path: string
  /** `--root`: one per cluster. */
  readonly root: string
}

/** runc needs one thread at a time only; more cost time at start and memory for as long as it waits. */
export const RUNC_ENVIRONMENT = { GOMAXPROCS: '1' }

const GIVE_UP_MS = 500

/**
 * Looks runc up in PATH.
 *
 * @throws FairleadError `MISSING_TOOL`
 */
export function findRunc(root: string, path = process.env.PATH ?? ''): Runc {
  for (const directory of [...path.split(':'), '/usr/sbin', '/usr/local/sbin']) {
    const candidate = join(directory, 'runc')
    try {
      accessSync(candidate, constants.X_OK)
      return { path: candidate, root }
    } catch (error) {
      if (!['ENOENT', 'ENOTDIR', 'EACCES'].includes(systemErrorCode(error) ?? '')) throw error
    }
  }
  throw new FairleadError('MISSING_TOOL', 'Cannot run containers: there is no runc in PATH', {
    hint: 'Install it, for example with: apt-get install runc',
  })
}

/** The container's first process as runc noted it; `undefined` once runc has forgotten the container. */
export function initProcess(runc: Runc, id: string): ProcessIdentity | undefined {
  try {
    const state: unknown = JSON.parse(readFileSync(join(runc.root, id, 'state.json'), 'utf8'))
    return isInitState(state) ? { pid: state.init_process_pid, startTicks: state.init_process_start } : undefined
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT' || error instanceof SyntaxError) return undefined
    throw error
  }
}

function isInitState(value: unknown): value is { init_process_pid: number; init_process_start: number } {
  return typeof value === 'object' && value !== null && 'init_process_pid' in value && 'init_process_start' in value
}

export interface RuncRun {
  readonly timeoutMs: number
  readonly maxOutput: number
  /** Called when the time is over, to end what runc waits for; runc itself is killed when that does not help. */
  onTimeout?(): void
}

/** Runs `runc ARGS` and gathers what it prints. */
export function runRunc(runc: Runc, args: readonly string[], options: RuncRun): Promise<ExecResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(runc.path, ['--root', runc.root, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...RUNC_ENVIRONMENT },
    })
    const chunks: Buffer[] = []
    let size = 0
    let timedOut = false
    const gather = (chunk: Buffer) => {
      if (size < options.maxOutput) chunks.push(chunk.subarray(0, options.maxOutput - size))
      size += chunk.length
    }
    child.stdout.on('data', gather)
    child.stderr.on('data', gather)
    const giveUp = () => {
      child.kill('SIGKILL')
      // A grandchild that holds the pipes must not keep the answer back.
      child.stdout.destroy()
      child.stderr.destroy()
    }
    let timer = setTimeout(() => {
      timedOut = true
      options.onTimeout?.()
      timer = setTimeout(giveUp, GIVE_UP_MS)
    }, options.timeoutMs)
    child.on('error', (cause) => {
      clearTimeout(timer)
      reject(new FairleadError('RUNTIME_FAILED', `Cannot start ${runc.path}: ${errorMessage(cause)}`, { cause }))
    })
    child.on('close', (code) => {
      clearTimeout(timer)
      const output = Buffer.concat(chunks).toString('utf8')
      resolve({ exitCode: timedOut ? undefined : (code ?? 137), output })
    })
  })
}

const VERSION_TIMEOUT_MS = 5_000

/**
 * Which version runc is of, and whether it runs at all.
 *
 * @throws FairleadError `RUNTIME_FAILED`
 */
export async function runcVersion(runc: Runc): Promise<string> {
  const { exitCode, output } = await runRunc(runc, ['--version'], { timeoutMs: VERSION_TIMEOUT_MS, maxOutput: 4096 })
  const version = /^runc version (\S+)/m.exec(output)?.[1]
  if (exitCode === 0 && version !== undefined) return version
  throw new FairleadError('RUNTIME_FAILED', `Cannot run ${runc.path}: ${output.trim() || `it ended with ${exitCode}`}`)
}

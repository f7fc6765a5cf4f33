import type { ContainerMemory } from '../container-memory.ts'
import type { ContainerKey } from '../runtime/runtime.ts'
import { type HookOutcome, type HookPlace, runHook } from './run-hook.ts'

/** The longest that a timer takes. */
const LONGEST_MS = 2 ** 31 - 1

/**
 * Runs the `postStart` hook of a run: the container shows as running when it is done, and ends when it fails.
 *
 * @returns `undefined` when there is none, or the run has ended meanwhile.
 */
export async function runPostStart(
  memory: ContainerMemory,
  run: ContainerKey,
  place: HookPlace,
): Promise<HookOutcome | undefined> {
  const hook = memory.container.lifecycle?.postStart
  if (hook === undefined) return undefined
  memory.postStart = 'running'
  const limits = { timeoutMs: LONGEST_MS, signal: memory.hooks.begin() }
  const outcome = await runHook(hook, place, limits)
  if (limits.signal.aborted || memory.run?.attempt !== run.attempt) return undefined
  memory.postStart = outcome.kind === 'failed' ? 'failed' : undefined
  return outcome
}

/**
 * Runs the `preStop` hook of a container that was told to end; its stop signal is due when that is done.
 *
 * @returns `undefined` when there is none, or the container has ended or was signalled meanwhile.
 */
export async function runPreStop(
  memory: ContainerMemory,
  timeoutMs: number,
  place: HookPlace,
): Promise<HookOutcome | undefined> {
  const hook = memory.container.lifecycle?.preStop
  if (hook === undefined) return undefined
  const limits = { timeoutMs, signal: memory.hooks.begin() }
  const outcome = await runHook(hook, place, limits)
  if (limits.signal.aborted || memory.stopping === undefined) return undefined
  const { since } = memory.stopping
  memory.stopping = { since }
  return outcome
}

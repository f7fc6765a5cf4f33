import type { Clock } from '../../base/clock.ts'
import { errorMessage } from '../../base/error.ts'
import type { Container, LifecycleHandler } from '../../kube/types/core.ts'
import { AGENT_VERSION, type HttpTarget, httpGet } from '../probes/http-get.ts'
import { probePort } from '../probes/probe-port.ts'
import type { ExecResult } from '../runtime/runtime.ts'

/** Where a hook runs. */
export interface HookPlace {
  readonly container: Container
  readonly podIP: string
  readonly clock: Clock
  exec(command: readonly string[], timeoutMs: number): Promise<ExecResult>
}

/** How long a hook may take, and what ends it early. */
export interface HookLimits {
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export type HookOutcome = { readonly kind: 'done' } | { readonly kind: 'failed'; readonly message: string }

const DONE: HookOutcome = { kind: 'done' }

/**
 * Runs a `postStart` or `preStop` hook. Of an answer by HTTP the status does not matter, and `tcpSocket` does nothing,
 * as in upstream's kubelet (pkg/kubelet/lifecycle/handlers.go).
 */
export async function runHook(hook: LifecycleHandler, place: HookPlace, limits: HookLimits): Promise<HookOutcome> {
  try {
    if (hook.exec !== undefined) return await runCommand(hook.exec.command ?? [], place, limits)
    if (hook.httpGet !== undefined) return await callHttp(hook.httpGet, place, limits)
    if (hook.sleep !== undefined) await sleep(hook.sleep.seconds, place.clock, limits)
    return DONE
  } catch (error) {
    return { kind: 'failed', message: errorMessage(error) }
  }
}

async function runCommand(
  command: readonly string[],
  { exec, container }: HookPlace,
  { timeoutMs }: HookLimits,
): Promise<HookOutcome> {
  const { exitCode, output } = await exec(command, timeoutMs)
  if (exitCode === 0) return DONE
  const shown = `[${command.join(' ')}]`
  const why = exitCode === undefined ? `it was stopped after ${timeoutMs / 1000}s` : `it exited with ${exitCode}`
  return {
    kind: 'failed',
    message: `Exec lifecycle hook (${shown}) for Container "${container.name}": ${why}: ${output}`,
  }
}

type HttpAction = NonNullable<LifecycleHandler['httpGet']>

async function callHttp(
  action: HttpAction,
  { container, podIP }: HookPlace,
  { timeoutMs }: HookLimits,
): Promise<HookOutcome> {
  const port = probePort(action.port, container)
  if (port === undefined)
    return { kind: 'failed', message: `couldn't find port: "${action.port}" in ${container.name}` }
  const target: HttpTarget = {
    host: action.host || podIP,
    port,
    timeoutMs: Math.max(1, timeoutMs),
    scheme: action.scheme ?? 'HTTP',
    path: action.path ?? '/',
    headers: action.httpHeaders ?? [],
    userAgent: `kube-lifecycle/${AGENT_VERSION}`,
  }
  const outcome = await httpGet(target)
  const answered = outcome.kind === 'answer' || (speaksPlain(outcome.error) && (await asHttp(target)))
  return answered ? DONE : { kind: 'failed', message: `Get "${outcome.url}": ${errorMessage(outcome.error)}` }
}

/** A hook that asks for HTTPS where plain HTTP is spoken is called by that, as it was before HTTPS was possible. */
async function asHttp(target: HttpTarget): Promise<boolean> {
  const { kind } = await httpGet({ ...target, scheme: 'HTTP' })
  return target.scheme === 'HTTPS' && kind === 'answer'
}

function speaksPlain(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && ['EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER'].includes(String(error.code))
  )
}

async function sleep(seconds: number, clock: Clock, { timeoutMs, signal }: HookLimits): Promise<void> {
  await clock.sleep(Math.min(seconds * 1000, timeoutMs), signal)
}

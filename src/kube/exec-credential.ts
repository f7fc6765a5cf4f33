/**
 * Tokens from a program that a kubeconfig names, as clouds have them.
 * Source: client-go plugin/pkg/client/auth/exec; KEP-541
 */
import { spawnSync } from 'node:child_process'
import type { Clock } from '../base/clock.ts'
import { errorMessage, FairleadError } from '../base/error.ts'
import { isJsonObject } from './patch/json.ts'

export interface ExecPlugin {
  readonly apiVersion: string
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

interface Credential {
  readonly token: string
  /** Milliseconds since the epoch; undefined: as long as the process. */
  readonly expires: number | undefined
}

const PATIENCE_MS = 30_000
/** Asked for again so long before it expires. */
const MARGIN_MS = 30_000

/**
 * The token that the program prints, asked for again when it expires. The process waits for the program meanwhile.
 *
 * @throws FairleadError `PROCESS_FAILED` when it fails, or prints no ExecCredential with a token.
 */
export function tokenFromProgram(plugin: ExecPlugin, clock: Clock): () => string {
  let credential = run(plugin)
  return () => {
    const { expires } = credential
    if (expires !== undefined && clock.now() > expires - MARGIN_MS) credential = run(plugin)
    return credential.token
  }
}

function run({ apiVersion, command, args, env }: ExecPlugin): Credential {
  const info = { apiVersion, kind: 'ExecCredential', spec: { interactive: false } }
  const { status, stdout, stderr, error } = spawnSync(command, [...args], {
    encoding: 'utf8',
    timeout: PATIENCE_MS,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env, KUBERNETES_EXEC_INFO: JSON.stringify(info) },
  })
  if (error !== undefined) throw failure(command, errorMessage(error))
  if (status !== 0) throw failure(command, `it ended with ${status}: ${stderr.trim().slice(-200)}`)
  return credentialOf(command, stdout)
}

function credentialOf(command: string, output: string): Credential {
  let printed: unknown
  try {
    printed = JSON.parse(output)
  } catch {
    throw failure(command, 'it printed no JSON')
  }
  const status = isJsonObject(printed) && isJsonObject(printed.status) ? printed.status : {}
  const { token, expirationTimestamp } = status
  if (typeof token !== 'string' || token === '') throw failure(command, 'it printed no token')
  const expires = typeof expirationTimestamp === 'string' ? Date.parse(expirationTimestamp) : Number.NaN
  return { token, expires: Number.isNaN(expires) ? undefined : expires }
}

function failure(command: string, why: string): FairleadError {
  return new FairleadError('PROCESS_FAILED', `Cannot log in with "${command}": ${why}`)
}

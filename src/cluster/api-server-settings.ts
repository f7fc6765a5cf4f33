import { resolve } from 'node:path'
import { FairleadError } from '../base/error.ts'
import { parseGoDuration } from '../base/go-duration.ts'

/** What the API server of a cluster is told; each under the name of kube-apiserver's flag, and left out for its default. */
export interface ApiServerSettings {
  /** Absolute. */
  readonly auditPolicyFile?: string
  /** Absolute, or `-` for the log of the control plane. */
  readonly auditLogPath?: string
  /** Megabytes. */
  readonly auditLogMaxsize?: number
  readonly auditLogMaxbackup?: number
  /** Days. */
  readonly auditLogMaxage?: number
  /** 0: any number. */
  readonly maxRequestsInflight?: number
  readonly maxMutatingRequestsInflight?: number
  readonly requestTimeoutMs?: number
}

/** The same, as the command line has it. */
export interface ApiServerOptions extends Omit<ApiServerSettings, 'requestTimeoutMs'> {
  /** `1m0s` */
  readonly requestTimeout?: string
}

/**
 * Checks what the command line says.
 *
 * @throws FairleadError `USAGE` that names the value given and what is wanted.
 */
export function apiServerSettings(options: ApiServerOptions): { readonly apiServer?: ApiServerSettings } {
  const { requestTimeout, auditPolicyFile, auditLogPath, ...numbers } = options
  if (auditPolicyFile !== undefined && auditLogPath === undefined) {
    throw new FairleadError('USAGE', 'Cannot use --audit-policy-file alone: give --audit-log-path too')
  }
  const settings: ApiServerSettings = {
    ...definedOf(numbers),
    ...(auditPolicyFile === undefined ? {} : { auditPolicyFile: resolve(auditPolicyFile) }),
    ...(auditLogPath === undefined ? {} : { auditLogPath: auditLogPath === '-' ? '-' : resolve(auditLogPath) }),
    ...(requestTimeout === undefined ? {} : { requestTimeoutMs: timeoutOf(requestTimeout) }),
  }
  return Object.keys(settings).length === 0 ? {} : { apiServer: settings }
}

function definedOf<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T
}

function timeoutOf(text: string): number {
  const milliseconds = parseGoDuration(text)
  if (milliseconds !== undefined && milliseconds > 0) return milliseconds
  throw new FairleadError('USAGE', `Cannot give requests '${text}' of time: give a duration above 0, such as 1m0s`)
}

import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { type ClusterDirectories, nodeDirectories } from '../node-directories.ts'
import { findRunc } from './runc-command.ts'
import { RuncRuntime } from './runc-runtime.ts'

export interface OpenRuntimeOptions {
  readonly directories: ClusterDirectories
  readonly nodeName: string
  readonly clock: Clock
  readonly log: Log
}

/**
 * The runtime of a node, with whatever runs there already.
 *
 * @throws FairleadError `MISSING_TOOL` when there is no runc.
 */
export function openRuntime({ directories, nodeName, clock, log }: OpenRuntimeOptions): RuncRuntime {
  const { runc, pods, logs } = nodeDirectories(directories, nodeName)
  return new RuncRuntime({ runc: findRunc(runc), podsDirectory: pods, logsDirectory: logs, clock, log })
}

import { mkdirSync, statfsSync } from 'node:fs'
import { createServer } from 'node:net'
import { FairleadError, systemErrorCode } from '../base/error.ts'
import { requireKernel } from '../linux/kernel.ts'
import { findRunc } from '../node/runtime/runc-command.ts'
import type { ClusterSpec } from './cluster-spec.ts'
import type { Layout } from './layout.ts'

/** Less than this and a start would fail halfway. */
const NEEDED_BYTES = 64 * 2 ** 20

/**
 * Looks at the machine before anything is changed on it.
 *
 * @throws FairleadError with one sentence and the mend: `KERNEL_TOO_OLD`, `MISSING_TOOL`, `PORT_TAKEN`,
 *   `DISK_FULL`.
 */
export async function preflight(spec: ClusterSpec, layout: Layout): Promise<void> {
  requireKernel()
  findRunc(layout.runDirectory)
  for (const directory of [layout.stateDirectory, layout.runDirectory]) requireRoom(directory)
  await requireFreePort(spec.apiPort)
}

/** @throws FairleadError `NOT_ROOT` */
export function requireRoot(): void {
  if (process.geteuid?.() === 0) return
  throw new FairleadError('NOT_ROOT', 'Cannot make network namespaces and containers as an ordinary user')
}

function requireRoom(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o755 })
  } catch (cause) {
    if (systemErrorCode(cause) !== 'ENOSPC') throw cause
    throw new FairleadError('DISK_FULL', `Cannot make ${directory}: no space left on the device`, { cause })
  }
  const { bavail, bsize } = statfsSync(directory)
  const free = bavail * bsize
  if (free >= NEEDED_BYTES) return
  const mebibytes = (bytes: number) => `${Math.floor(bytes / 2 ** 20)} MiB`
  throw new FairleadError(
    'DISK_FULL',
    `Cannot start a cluster in ${directory}: ${mebibytes(free)} are free and ${mebibytes(NEEDED_BYTES)} are needed`,
  )
}

async function requireFreePort(port: number): Promise<void> {
  if (port === 0) return
  const server = createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', resolve)
    })
  } catch (cause) {
    if (systemErrorCode(cause) !== 'EADDRINUSE') throw cause
    throw new FairleadError('PORT_TAKEN', `Cannot serve the API on 127.0.0.1:${port}: the port is in use`, {
      cause,
      hint: 'Choose another port with --api-port, or any free one with --api-port 0',
    })
  } finally {
    server.close()
  }
}

import { lstat, opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { systemErrorCode } from '../../base/error.ts'
import type { Pod } from '../../kube/types/core.ts'
import { exceeds } from '../container-resources.ts'
import type { PodFailure } from '../pod-view.ts'
import type { Volume } from './volume.ts'

const BLOCK = 512

/** Upstream's grace for a pod that is evicted at once. */
const EVICTION_GRACE_SECONDS = 1

/**
 * Why a pod must go for what it has written; `undefined` when it may stay.
 *
 * @param directory Where its own volumes are.
 */
export async function overuse({ spec }: Pod, directory: string): Promise<PodFailure | undefined> {
  for (const { name, emptyDir } of (spec.volumes ?? []) as readonly Volume[]) {
    const limit = emptyDir?.sizeLimit
    if (
      limit === undefined ||
      emptyDir?.medium === 'Memory' ||
      !exceeds(await bytesOnDisk(join(directory, name)), limit)
    )
      continue
    const message = `Usage of EmptyDir volume "${name}" exceeds the limit "${limit}". `
    return { reason: 'Evicted', message, graceSeconds: EVICTION_GRACE_SECONDS }
  }
  return undefined
}

/** Whether a pod has anything that could be too large. In memory, the kernel lets nothing be written beyond a limit. */
export function isBounded({ spec }: Pod): boolean {
  return ((spec.volumes ?? []) as readonly Volume[]).some(
    ({ emptyDir }) => emptyDir?.sizeLimit !== undefined && emptyDir.medium !== 'Memory',
  )
}

/** What a directory and all below it take of the disk. What goes meanwhile is not counted; links are not followed. */
async function bytesOnDisk(path: string): Promise<number> {
  try {
    const stat = await lstat(path)
    let bytes = stat.blocks * BLOCK
    if (!stat.isDirectory()) return bytes
    for await (const entry of await opendir(path)) bytes += await bytesOnDisk(join(path, entry.name))
    return bytes
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return 0
    throw error
  }
}

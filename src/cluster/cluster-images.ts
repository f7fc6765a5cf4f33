import { existsSync } from 'node:fs'
import { FairleadError } from '../base/error.ts'
import { type ImageStore, openImageStore } from '../node/images/image-store.ts'
import { clusterLayout, type Layout } from './layout.ts'

export interface ClusterImage {
  readonly name: string
  readonly path: string
}

/**
 * Reads `NAME=PATH`.
 *
 * @throws FairleadError `USAGE` for text of another form, or a path that is not there.
 */
export function parseClusterImage(text: string): ClusterImage {
  const split = text.indexOf('=')
  if (split <= 0 || split === text.length - 1) {
    throw new FairleadError('USAGE', `Cannot add the image '${text}': give NAME=PATH`)
  }
  const image = { name: text.slice(0, split), path: text.slice(split + 1) }
  if (existsSync(image.path)) return image
  throw new FairleadError('USAGE', `Cannot add the image ${image.name}: there is no ${image.path}`)
}

/**
 * Adds an image for one cluster; it goes with the cluster.
 *
 * @throws FairleadError `IMAGE_INVALID` for what cannot be run.
 */
export async function addClusterImage(layout: Layout, { name, path }: ClusterImage): Promise<void> {
  await openImageStore({ directory: layout.imageDirectory }).add(name, path)
}

/** The images that every cluster of the machine can run. */
export function sharedImages(): ImageStore {
  return openImageStore({ directory: clusterLayout('any').sharedImageDirectory })
}

import { FairleadError } from '../base/error.ts'
import { type ImageStore, openImageStore } from '../node/images/image-store.ts'
import { clusterLayout, type Layout } from './layout.ts'

/**
 * Adds an image for one cluster from `NAME=PATH`; it goes with the cluster.
 *
 * @throws FairleadError `USAGE` for text of another form, `IMAGE_INVALID` for what cannot be run.
 */
export async function addClusterImage(layout: Layout, text: string): Promise<void> {
  const split = text.indexOf('=')
  if (split <= 0 || split === text.length - 1) {
    throw new FairleadError('USAGE', `Cannot add the image '${text}': give NAME=PATH`)
  }
  const store = openImageStore({ directory: layout.imageDirectory })
  await store.add(text.slice(0, split), text.slice(split + 1))
}

/** The images that every cluster of the machine can run. */
export function sharedImages(): ImageStore {
  return openImageStore({ directory: clusterLayout('any').sharedImageDirectory })
}

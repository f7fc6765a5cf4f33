import { type BuiltinOptions, builtinImage } from './builtin-images.ts'
import type { Image, ImageLookup, Images } from './image.ts'
import { formatReference, type ImageReference, lookupNames, parseReference } from './image-reference.ts'

/** Images that were added, by the name under which they are kept. */
export interface ImageSource {
  find(storedName: string): Image | undefined
}

/**
 * Looks through the stores in order (a cluster's own before the one of all clusters), then among the built-in images:
 * what was added takes precedence over a substitute.
 */
export function createImages(stores: readonly ImageSource[], builtin: BuiltinOptions): Images {
  return { resolve: (text) => resolve(text, stores, builtin) }
}

function resolve(text: string, stores: readonly ImageSource[], builtin: BuiltinOptions): ImageLookup {
  const reference = parseReference(text)
  if (reference === undefined) {
    return {
      kind: 'invalid',
      message: `Failed to apply default image tag "${text}": couldn't parse image name "${text}": ${problem(text)}`,
    }
  }
  const image = findAdded(reference, stores) ?? builtinImage(reference, builtin)
  if (image !== undefined) return { kind: 'found', image: { ...image, name: formatReference(reference) } }
  const message = `image "${formatReference(reference)}" is not on this machine and is not pulled; add it with: fairlead image add ${text} PATH`
  return { kind: 'missing', message }
}

/** The words of distribution/reference. */
function problem(text: string): string {
  const lower = parseReference(text.toLowerCase())
  if (lower === undefined) return 'invalid reference format'
  return `invalid reference format: repository name (${lower.repository}) must be lowercase`
}

function findAdded(reference: ImageReference, stores: readonly ImageSource[]): Image | undefined {
  for (const name of lookupNames(reference)) {
    for (const store of stores) {
      const image = store.find(name)
      if (image !== undefined) return image
    }
  }
  return undefined
}

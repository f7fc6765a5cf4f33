import { FairleadError } from '../base/error.ts'
import type { AnyKind } from './registry.ts'
import type { Resource } from './resource.ts'
import type { KubeObject } from './types/meta.ts'

/** An object of a manifest, and where it goes. */
export interface ManifestObject {
  readonly resource: Resource<KubeObject>
  readonly object: KubeObject
}

/**
 * Reads the documents of a YAML or JSON manifest.
 *
 * @param source What is read, for errors: a file's name.
 * @throws FairleadError `INVALID_INPUT` for text that cannot be read, or a kind that nobody serves.
 */
export async function parseManifest(
  text: string,
  { source, kinds }: { source: string; kinds: readonly AnyKind[] },
): Promise<ManifestObject[]> {
  const { parseAllDocuments } = await import('../base/yaml.ts')
  return parseAllDocuments(text).flatMap((document) => {
    const [problem] = document.errors
    if (problem !== undefined) throw new FairleadError('INVALID_INPUT', `Cannot read ${source}: ${problem.message}`)
    const object: unknown = document.toJS()
    return object === null ? [] : [manifestObject(object, source, kinds)]
  })
}

function manifestObject(object: unknown, source: string, kinds: readonly AnyKind[]): ManifestObject {
  if (!isKubeObject(object)) {
    throw new FairleadError(
      'INVALID_INPUT',
      `Cannot apply ${source}: each object needs apiVersion, kind and metadata.name`,
    )
  }
  const known = kinds.find(({ resource: { group, version, kind } }) => {
    return kind === object.kind && object.apiVersion === (group === '' ? version : `${group}/${version}`)
  })
  if (known === undefined) {
    throw new FairleadError(
      'INVALID_INPUT',
      `Cannot apply ${source}: nobody serves ${object.kind} of ${object.apiVersion}`,
    )
  }
  return { resource: known.resource, object }
}

function isKubeObject(value: unknown): value is KubeObject {
  if (typeof value !== 'object' || value === null) return false
  const { apiVersion, kind, metadata } = value as Partial<KubeObject>
  return typeof apiVersion === 'string' && typeof kind === 'string' && typeof metadata?.name === 'string'
}

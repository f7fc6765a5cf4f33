import { FairleadError } from '../../base/error.ts'

/** An image's name, taken apart as the registries' clients do. */
export interface ImageReference {
  /** `docker.io` when the name has none. */
  readonly registry: string
  /** `library/nginx` for `nginx`. */
  readonly repository: string
  readonly tag?: string
  /** `sha256:...` */
  readonly digest?: string
}

const REFERENCE =
  /^(?<path>[a-zA-Z0-9][a-zA-Z0-9._:/-]*?)(?::(?<tag>[\w][\w.-]{0,127}))?(?:@(?<digest>[a-z0-9]+:[0-9a-f]{32,128}))?$/
const REPOSITORY = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/

/**
 * Takes `nginx`, `team/web:1.2` or `registry.example:5000/team/web@sha256:...` apart; `undefined` for what is no image
 * name. Source: distribution/reference, "familiar" names.
 */
export function parseReference(text: string): ImageReference | undefined {
  const groups = text.length > 512 ? undefined : REFERENCE.exec(text)?.groups
  const path = groups?.path
  if (path === undefined) return undefined
  const { registry, repository } = splitRegistry(path)
  if (!REPOSITORY.test(repository)) return undefined
  return {
    registry,
    repository,
    ...(groups?.tag === undefined ? {} : { tag: groups.tag }),
    ...(groups?.digest === undefined ? {} : { digest: groups.digest }),
  }
}

/** @throws FairleadError `INVALID_INPUT` */
export function mustParseReference(text: string): ImageReference {
  const reference = parseReference(text)
  if (reference !== undefined) return reference
  throw new FairleadError(
    'INVALID_INPUT',
    `Not an image name: "${text}"; wanted something like web, team/web or web:1.0`,
  )
}

/** The first part is a registry when it could not be a part of a repository: it has a dot or a port, or is localhost. */
function splitRegistry(path: string): { registry: string; repository: string } {
  const slash = path.indexOf('/')
  const first = slash < 0 ? '' : path.slice(0, slash)
  if (first.includes('.') || first.includes(':') || first === 'localhost') {
    const registry = first === 'index.docker.io' ? 'docker.io' : first
    return { registry, repository: hubRepository(registry, path.slice(slash + 1)) }
  }
  return { registry: 'docker.io', repository: hubRepository('docker.io', path) }
}

function hubRepository(registry: string, repository: string): string {
  return registry === 'docker.io' && !repository.includes('/') ? `library/${repository}` : repository
}

/** `docker.io/library/nginx:latest` for `nginx`: the name in full, as a pod's status shows it. */
export function formatReference({ registry, repository, tag, digest }: ImageReference): string {
  if (digest !== undefined) return `${registry}/${repository}@${digest}`
  return `${registry}/${repository}:${tag ?? 'latest'}`
}

/**
 * The names under which an image may have been added, best first: with the tag, then without. A name that was added
 * without a tag stands for every tag.
 */
export function lookupNames(reference: ImageReference): readonly string[] {
  const { registry, repository, digest } = reference
  const exact = digest === undefined ? formatReference(reference) : undefined
  return [...(exact === undefined ? [] : [exact]), `${registry}/${repository}`]
}

/** The name under which an image is kept: as it was given, tag or not. */
export function storedName({ registry, repository, tag }: ImageReference): string {
  return tag === undefined ? `${registry}/${repository}` : `${registry}/${repository}:${tag}`
}

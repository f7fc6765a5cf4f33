import type { AnyKind } from '../kube/registry.ts'
import type { KindTable } from './kind-table.ts'
import { REVIEW_RESOURCES, type ReviewResource } from './reviews.ts'

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']

interface ServedKind {
  readonly group: string
  readonly version: string
  readonly kind: string
}

interface Subresource {
  readonly verbs: readonly string[]
  /** Kind of what is sent and received, where it is not the object itself. */
  readonly kind?: ServedKind
}

/** All of them but what upstream has deleted one by one. */
function verbsOf({ resource }: AnyKind): readonly string[] {
  const isNamespace = resource.group === '' && resource.plural === 'namespaces'
  return isNamespace ? VERBS.filter((verb) => verb !== 'deletecollection') : VERBS
}

const SUBRESOURCES: Readonly<Record<NonNullable<AnyKind['subresources']>[number], Subresource>> = {
  status: { verbs: ['get', 'patch', 'update'] },
  scale: { verbs: ['get', 'patch', 'update'], kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' } },
  binding: { verbs: ['create'], kind: { group: '', version: 'v1', kind: 'Binding' } },
  eviction: { verbs: ['create'], kind: { group: 'policy', version: 'v1', kind: 'Eviction' } },
  token: { verbs: ['create'], kind: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' } },
  log: { verbs: ['get'] },
  exec: { verbs: ['create', 'get'], kind: { group: '', version: 'v1', kind: 'PodExecOptions' } },
  attach: { verbs: ['create', 'get'], kind: { group: '', version: 'v1', kind: 'PodAttachOptions' } },
  portforward: { verbs: ['create', 'get'], kind: { group: '', version: 'v1', kind: 'PodPortForwardOptions' } },
  proxy: { verbs: ['create', 'delete', 'get', 'patch', 'update'] },
  finalize: { verbs: ['update'] },
  ephemeralcontainers: { verbs: ['get', 'patch', 'update'] },
  resize: { verbs: ['get', 'patch', 'update'] },
}

/** Made of pods, and never stored. */
const BINDINGS = {
  group: '',
  version: 'v1',
  plural: 'bindings',
  singular: 'binding',
  kind: 'Binding',
  namespaced: true,
}

/** `/api/v1`, `/apis/apps/v1`: meta/v1 APIResourceList. `undefined`: there is no such version. */
export function resourceList(kinds: KindTable, group: string, version: string): object | undefined {
  const resources = [
    ...kinds.of(group, version).flatMap(legacyResources),
    ...reviewsOf(group, version).map(legacyReview),
  ]
  if (resources.length === 0) return undefined
  const groupVersion = group === '' ? version : `${group}/${version}`
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources }
}

function reviewsOf(group: string, version: string): readonly ReviewResource[] {
  return [...REVIEW_RESOURCES, BINDINGS].filter((review) => review.group === group && review.version === version)
}

function legacyReview({ plural, singular, namespaced, kind }: ReviewResource): object {
  return { name: plural, singularName: singular, namespaced, kind, verbs: ['create'] }
}

/** Groups other than core with their versions: those of kinds, and those that have reviews only. */
export function groupsOf(kinds: KindTable): ReadonlyMap<string, readonly string[]> {
  const groups = new Map(kinds.groups())
  for (const { group, version } of REVIEW_RESOURCES) if (!groups.has(group)) groups.set(group, [version])
  return groups
}

function legacyResources(kind: AnyKind): readonly object[] {
  const { plural, namespaced, kind: title } = kind.resource
  const main = {
    name: plural,
    singularName: kind.singular,
    namespaced,
    kind: title,
    verbs: verbsOf(kind),
    ...(kind.shortNames === undefined ? {} : { shortNames: kind.shortNames }),
    ...(kind.categories === undefined ? {} : { categories: kind.categories }),
  }
  const parts = (kind.subresources ?? []).map((name) => {
    return {
      name: `${plural}/${name}`,
      singularName: '',
      namespaced,
      ...servedAs(kind, name),
      verbs: SUBRESOURCES[name].verbs,
    }
  })
  return [main, ...parts]
}

/** The kind of a subresource, with group and version where they are not those of the list. */
function servedAs(kind: AnyKind, name: keyof typeof SUBRESOURCES): object {
  const served = responseKindOf(kind, name)
  const { group, version } = kind.resource
  return served.group === group && served.version === version ? { kind: served.kind } : served
}

function responseKindOf({ resource }: AnyKind, name: keyof typeof SUBRESOURCES): ServedKind {
  const { group, version, kind } = resource
  // `PodProxyOptions`: each kind that is proxied has its own.
  return SUBRESOURCES[name].kind ?? { group, version, kind: name === 'proxy' ? `${kind}ProxyOptions` : kind }
}

/** `/api`: meta/v1 APIVersions. */
export function coreVersions(): object {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] }
}

/** `/apis`: meta/v1 APIGroupList. */
export function groupList(kinds: KindTable): object {
  const groups = [...groupsOf(kinds).keys()].map((group) => groupOf(kinds, group))
  return { kind: 'APIGroupList', apiVersion: 'v1', groups }
}

/** `/apis/apps`: meta/v1 APIGroup. */
export function oneGroup(kinds: KindTable, group: string): object | undefined {
  return groupsOf(kinds).has(group) ? { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(kinds, group) } : undefined
}

function groupOf(kinds: KindTable, group: string): object {
  const versions = (groupsOf(kinds).get(group) ?? []).map((version) => ({
    groupVersion: `${group}/${version}`,
    version,
  }))
  return { name: group, versions, preferredVersion: versions[0] }
}

/** Everything at once (apidiscovery.k8s.io), for `/api` with core and `/apis` without. */
export function aggregatedDiscovery(kinds: KindTable, core: boolean, apiVersion: string): object {
  const groups = core ? [['', ['v1']] as const] : [...groupsOf(kinds)]
  const items = groups.map(([name, versions]) => ({
    metadata: name === '' ? { creationTimestamp: null } : { name, creationTimestamp: null },
    versions: versions.map((version) => ({
      version,
      resources: [
        ...kinds.of(name, version).map(aggregatedResource),
        ...reviewsOf(name, version).map(aggregatedReview),
      ],
      freshness: 'Current',
    })),
  }))
  return { kind: 'APIGroupDiscoveryList', apiVersion, metadata: {}, items }
}

function aggregatedReview({ group, version, plural, singular, namespaced, kind }: ReviewResource): object {
  return {
    resource: plural,
    responseKind: { group, version, kind },
    scope: namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singular,
    verbs: ['create'],
  }
}

function aggregatedResource(kind: AnyKind): object {
  const { plural, namespaced, group, version, kind: title } = kind.resource
  return {
    resource: plural,
    responseKind: { group, version, kind: title },
    scope: namespaced ? 'Namespaced' : 'Cluster',
    singularResource: kind.singular,
    verbs: verbsOf(kind),
    ...(kind.shortNames === undefined ? {} : { shortNames: kind.shortNames }),
    ...(kind.categories === undefined ? {} : { categories: kind.categories }),
    ...(kind.subresources === undefined
      ? {}
      : {
          subresources: kind.subresources.map((name) => ({
            subresource: name,
            responseKind: responseKindOf(kind, name),
            verbs: SUBRESOURCES[name].verbs,
          })),
        }),
  }
}

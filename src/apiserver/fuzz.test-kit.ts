/** For the fuzz run: requests of every quality, from those that a client would send to those that nobody should. */

import fc from 'fast-check'
import { type AnyKind, KINDS } from '../kube/registry.ts'
import { apiVersionOf } from '../kube/resource.ts'
import { findMessage, messageOf } from '../kube/schema/schema.ts'
import { nearlyValid, VALID } from './fuzz-objects.test-kit.ts'
import { anyJson, NAMES, NAMESPACES, objectOf } from './fuzz-values.test-kit.ts'
import { APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH } from './patch.ts'

export interface FuzzRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

interface Target {
  readonly kind: AnyKind
  readonly namespace: string
  readonly name: string
}

const target: fc.Arbitrary<Target> = fc.record({
  kind: fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom(...KINDS) },
    { weight: 2, arbitrary: fc.constantFrom(...KINDS.filter(({ resource }) => resource.kind in VALID)) },
  ),
  namespace: fc.oneof(
    { weight: 12, arbitrary: fc.constant('default') },
    { weight: 1, arbitrary: fc.constantFrom(...NAMESPACES) },
  ),
  name: fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom('a', 'b', 'web') },
    { weight: 1, arbitrary: fc.constantFrom(...NAMES) },
  ),
})

function objectFor({ kind, name }: Target): fc.Arbitrary<Record<string, unknown>> {
  const message = findMessage(kind.resource.kind)
  const described: fc.Arbitrary<Record<string, unknown>> = message === undefined ? fc.constant({}) : objectOf(message)
  const fields = fc.oneof(
    { weight: 1, arbitrary: described },
    { weight: 2, arbitrary: nearlyValid(kind.resource.kind) },
  )
  const metadata = fc.oneof(
    { weight: 9, arbitrary: fc.constant<unknown>({ name }) },
    { weight: 1, arbitrary: fc.constant<unknown>({ generateName: 'g-' }) },
    { weight: 1, arbitrary: fc.constant<unknown>({ name, finalizers: ['example.com/hold'] }) },
    { weight: 2, arbitrary: objectOf(messageOf('ObjectMeta')).map((rest) => ({ ...rest, name }) as unknown) },
    { weight: 1, arbitrary: anyJson },
  )
  return fc.tuple(fields, metadata).map(([rest, meta]) => ({
    apiVersion: apiVersionOf(kind.resource),
    kind: kind.resource.kind,
    ...rest,
    metadata: meta,
  }))
}

const pointer = fc.array(
  fc.constantFrom('spec', 'metadata', 'labels', 'ports', 'status', 'data', '0', '-', 'name', '~1', 'rules'),
  {
    maxLength: 4,
  },
)

const jsonPatch = fc.array(
  fc.record(
    {
      op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', 'jump'),
      path: pointer.map((steps) => steps.map((step) => `/${step}`).join('')),
      from: pointer.map((steps) => steps.map((step) => `/${step}`).join('')),
      value: anyJson,
    },
    { requiredKeys: ['op'] },
  ),
  { maxLength: 4 },
)

const directives = fc.constantFrom<Record<string, unknown>>(
  { $patch: 'replace' },
  { $patch: 'delete' },
  { $patch: 'frob' },
  { $retainKeys: ['name', 7] },
  { '$setElementOrder/ports': [{ port: 80 }, 7] },
  { '$deleteFromPrimitiveList/finalizers': ['x'] },
)

function patchFor(place: Target): fc.Arbitrary<{ readonly type: string; readonly body: unknown }> {
  const partial = objectFor(place)
  const directed = fc.tuple(partial, directives).map(([object, extra]) => {
    const spec = typeof object.spec === 'object' && object.spec !== null ? { ...object.spec, ...extra } : extra
    return { ...object, spec, metadata: { ...extra } }
  })
  return fc.oneof(
    fc.record({ type: fc.constant(JSON_PATCH), body: fc.oneof<fc.Arbitrary<unknown>[]>(jsonPatch, anyJson) }),
    fc.record({ type: fc.constant(MERGE_PATCH), body: fc.oneof<fc.Arbitrary<unknown>[]>(partial, anyJson) }),
    fc.record({
      type: fc.constant(STRATEGIC_PATCH),
      body: fc.oneof<fc.Arbitrary<unknown>[]>(partial, directed, anyJson),
    }),
    fc.record({ type: fc.constant(APPLY_PATCH), body: fc.oneof<fc.Arbitrary<unknown>[]>(partial, directed, anyJson) }),
  )
}

const QUERIES = [
  ...[
    'limit=1',
    'limit=-1',
    'limit=x',
    'continue=zzz',
    'continue=eyJydiI6MX0',
    'resourceVersion=1',
    'resourceVersion=0',
  ],
  ...[
    'resourceVersion=99999999',
    'resourceVersion=x',
    'resourceVersionMatch=Exact',
    'resourceVersionMatch=NotOlderThan',
  ],
  ...['labelSelector=a%3Db', 'labelSelector=%21%21', 'labelSelector=a+in+(b,c', 'fieldSelector=metadata.name%3Da'],
  ...['fieldSelector=spec.frob%3Da', 'dryRun=All', 'dryRun=Some', 'fieldManager=me', 'fieldManager=', 'force=true'],
  ...['fieldValidation=Strict', 'fieldValidation=Frob', 'propagationPolicy=Foreground', 'propagationPolicy=Frob'],
  ...['gracePeriodSeconds=0', 'gracePeriodSeconds=-3', 'watch=true', 'timeoutSeconds=1', 'sendInitialEvents=true'],
  ...['allowWatchBookmarks=true', 'pretty=true', '%zz', 'a=b=c', '=', 'includeObject=Frob', 'orphanDependents=true'],
]
const query = fc.subarray(QUERIES, { maxLength: 3 }).map((parts) => (parts.length === 0 ? '' : `?${parts.join('&')}`))

const SUBRESOURCES = [
  ...Array.from({ length: 24 }, () => ''),
  ...['/status', '/status', '/scale', '/binding', '/eviction', '/finalize', '/token', '/log', '/frob', '/status/x'],
]

function urlOf(
  { kind, namespace, name }: Target,
  options: { readonly one: boolean; readonly subresource: string },
): string {
  const { group, version, plural, namespaced } = kind.resource
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
  const place = namespaced && namespace !== '' ? `/namespaces/${namespace}` : ''
  const object = options.one ? `/${encodeURIComponent(name)}${options.subresource}` : ''
  return `${root}${place}/${plural}${object}`
}

const ACCEPTS = [
  'application/json',
  '*/*',
  'application/json;as=Table;v=v1;g=meta.k8s.io,application/json',
  'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
  'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
  'application/vnd.kubernetes.protobuf',
  'text/html',
  ';;;',
  '',
]

/** What a client would send: objects and patches to the right places. */
const plausible: fc.Arbitrary<FuzzRequest> = target.chain((place) =>
  fc.oneof(
    { weight: 5, arbitrary: writing(place, 'POST', false) },
    { weight: 3, arbitrary: writing(place, 'PUT', true) },
    { weight: 6, arbitrary: patching(place) },
    { weight: 2, arbitrary: plain(place, ['GET', 'GET', 'GET', 'GET', 'DELETE']) },
  ),
)

function writing(place: Target, method: string, one: boolean): fc.Arbitrary<FuzzRequest> {
  return fc
    .tuple(objectFor(place), query, fc.constantFrom(...SUBRESOURCES), fc.constantFrom(...ACCEPTS.slice(0, 3)))
    .map(([object, search, subresource, accept]) => ({
      method,
      url: `${urlOf(place, { one: one || subresource !== '', subresource })}${search}`,
      headers: { 'content-type': 'application/json', accept },
      body: Buffer.from(JSON.stringify(object)),
    }))
}

function patching(place: Target): fc.Arbitrary<FuzzRequest> {
  return fc
    .tuple(patchFor(place), query, fc.constantFrom(...SUBRESOURCES))
    .map(([{ type, body }, search, subresource]) => ({
      method: 'PATCH',
      url: `${urlOf(place, { one: true, subresource })}${search === '' ? '?fieldManager=me' : search}`,
      headers: { 'content-type': type },
      body: Buffer.from(JSON.stringify(body)),
    }))
}

function plain(place: Target, methods: readonly string[]): fc.Arbitrary<FuzzRequest> {
  return fc
    .tuple(
      fc.constantFrom(...methods),
      fc.boolean(),
      fc.constantFrom(...SUBRESOURCES),
      query,
      fc.constantFrom(...ACCEPTS),
    )
    .map(([method, one, subresource, search, accept]) => ({
      method,
      url: `${urlOf(place, { one, subresource })}${search}`,
      headers: { accept },
      body: new Uint8Array(),
    }))
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'FROB', 'get']
const SEGMENTS = [
  'api',
  'apis',
  'v1',
  'v2',
  'apps',
  'pods',
  'namespaces',
  'default',
  'status',
  '%2e%2e',
  '%',
  '..',
  '',
  'openapi',
  'v3',
  'healthz',
  'version',
  '%00',
  'é',
  'batch',
  'rbac.authorization.k8s.io',
]
const path = fc.array(fc.constantFrom(...SEGMENTS), { maxLength: 8 }).map((segments) => `/${segments.join('/')}`)

/** A body that is no object, or hardly one. */
const oddBody: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.string({ maxLength: 100 }).map((text) => Buffer.from(text)),
  anyJson.map((value) => Buffer.from(JSON.stringify(value))),
  fc
    .constantFrom('[', '{', '{"a":')
    .chain((open) => fc.integer({ min: 1, max: 5000 }).map((n) => Buffer.from(open.repeat(n)))),
  fc.integer({ min: 1, max: 5000 }).map((n) => Buffer.from(`{"metadata":${'{"a":'.repeat(n)}1${'}'.repeat(n)}}`)),
  fc
    .constantFrom(1024 * 1024, 4 * 1024 * 1024)
    .map((n) => Buffer.from(`{"metadata":{"name":"big"},"data":{"k":"${'x'.repeat(n)}"}}`)),
  fc.constant(Buffer.from('a: &a [*a, *a]\nb: !!js/function x\n')),
  fc.constant(Buffer.from([0x6b, 0x38, 0x73, 0x00, 0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f])),
  fc.uint8Array({ maxLength: 60 }).map((rest) => Buffer.concat([Buffer.from('k8s\0'), rest])),
  fc.constant(Buffer.from([0x7b, 0x22, 0xff, 0xc0, 0x22, 0x3a, 0x31, 0x7d])),
  fc.constant(Buffer.from('{"metadata":{"name":"a","name":"b"},"__proto__":{"x":1}}')),
)

const TYPES = [
  'application/json',
  'application/yaml',
  'application/vnd.kubernetes.protobuf',
  'text/plain',
  '',
  'application/json;;',
  JSON_PATCH,
  MERGE_PATCH,
  STRATEGIC_PATCH,
  APPLY_PATCH,
]

/** What nobody should send. */
const odd: fc.Arbitrary<FuzzRequest> = fc
  .tuple(
    fc.constantFrom(...METHODS),
    fc.oneof(
      path,
      target.map((place) => urlOf(place, { one: false, subresource: '' })),
      target.map((place) => urlOf(place, { one: true, subresource: '' })),
    ),
    query,
    fc.constantFrom(...TYPES),
    fc.constantFrom(...ACCEPTS),
    oddBody,
  )
  .map(([method, place, search, type, accept, body]) => ({
    method,
    url: `${place}${search}`,
    headers: { 'content-type': type, accept },
    body,
  }))

const REVIEWS = [
  'authorization.k8s.io/v1/selfsubjectaccessreviews',
  'authorization.k8s.io/v1/subjectaccessreviews',
  'authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews',
  'authorization.k8s.io/v1/selfsubjectrulesreviews',
  'authentication.k8s.io/v1/selfsubjectreviews',
  'authentication.k8s.io/v1/tokenreviews',
]

const review: fc.Arbitrary<FuzzRequest> = fc
  .tuple(fc.constantFrom(...REVIEWS), fc.oneof(objectOf(messageOf('SubjectAccessReviewSpec')), anyJson))
  .map(([place, spec]) => ({
    method: 'POST',
    url: `/apis/${place}`,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify({ spec })),
  }))

/** A request of any quality. */
export const anyRequest: fc.Arbitrary<FuzzRequest> = fc.oneof(
  { weight: 12, arbitrary: plausible },
  { weight: 6, arbitrary: odd },
  { weight: 1, arbitrary: review },
)

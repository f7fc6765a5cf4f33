import { missing } from '../openapi/parameters.ts'
import type { Action, Call } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'
import { hasTags, mergeTags, tagFilter, tagsOf } from '../resource/tags.ts'
import type { Tag } from '../vpc/model.ts'
import { notFound } from './find.ts'
import { NETWORK_LOAD_BALANCERS, NLB_LISTENERS, SERVER_GROUPS } from './model.ts'

/** Tags of instances, groups and listeners. */
export const TAG_ACTIONS: readonly (readonly [string, Action])[] = [
  ['TagResources', tagResources],
  ['UntagResources', untagResources],
  ['ListTagResources', listTagResources],
]

const MAXIMUM_RESOURCES = 50
const TYPES = ['loadbalancer', 'servergroup', 'listener'] as const

/** Something with tags, of whichever kind. */
interface Tagged {
  readonly id: string
  readonly tags: readonly Tag[]
}

function tagResources(call: Call): object {
  const added = tagsOf(call.parameters)
  if (added.length === 0) return missing('Tag')
  for (const resource of named(call)) write(call, resource, mergeTags(resource.tags, added))
  return {}
}

function untagResources(call: Call): object {
  const [keys, all] = [call.parameters.list('TagKey'), call.parameters.boolean('All') === true]
  for (const resource of named(call)) {
    const tags = resource.tags.filter(({ key }) => !(all && keys.length === 0) && !keys.includes(key))
    write(call, resource, tags)
  }
  return {}
}

function listTagResources(call: Call): object {
  const wanted = tagFilter(call.parameters)
  const ResourceType = typeOf(call)
  const found = call.parameters.list('ResourceId').length > 0 ? named(call) : resources(call)
  const TagResources = found
    .filter(({ tags }) => hasTags(tags, wanted))
    .flatMap(({ id, tags }) =>
      tags.map(({ key, value }) => ({ ResourceId: id, ResourceType, TagKey: key, TagValue: value })),
    )
  return { TagResources, TotalCount: TagResources.length, MaxResults: TagResources.length }
}

function named(call: Call): readonly Tagged[] {
  const ids = call.parameters.list('ResourceId')
  if (ids.length === 0 || ids.length > MAXIMUM_RESOURCES) {
    throw new Refusal('MissingParam.ResourceId', `Give ResourceId.1 up to ResourceId.${MAXIMUM_RESOURCES}.`)
  }
  const all = new Map(resources(call).map((resource) => [resource.id, resource]))
  return ids.map((id) => all.get(id) ?? notFound(typeOf(call), id))
}

function typeOf({ parameters }: Pick<Call, 'parameters'>): (typeof TYPES)[number] {
  return parameters.oneOf('ResourceType', TYPES) ?? missing('ResourceType')
}

function resources(call: Call): readonly Tagged[] {
  const { transaction } = call
  switch (typeOf(call)) {
    case 'loadbalancer':
      return transaction.list(NETWORK_LOAD_BALANCERS)
    case 'servergroup':
      return transaction.list(SERVER_GROUPS)
    case 'listener':
      return transaction.list(NLB_LISTENERS)
  }
}

function write({ transaction }: Pick<Call, 'transaction'>, { id }: Tagged, tags: readonly Tag[]): void {
  const loadBalancer = transaction.get(NETWORK_LOAD_BALANCERS, id)
  if (loadBalancer !== undefined) transaction.put(NETWORK_LOAD_BALANCERS, id, { ...loadBalancer, tags })
  const group = transaction.get(SERVER_GROUPS, id)
  if (group !== undefined) transaction.put(SERVER_GROUPS, id, { ...group, tags })
  const listener = transaction.get(NLB_LISTENERS, id)
  if (listener !== undefined) transaction.put(NLB_LISTENERS, id, { ...listener, tags })
}

import type { Action, Call } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'
import { hasTags, mergeTags, tagFilter, tagsOf } from '../resource/tags.ts'
import { requireLoadBalancer } from './find.ts'
import { LOAD_BALANCERS, type LoadBalancer } from './model.ts'

/** Tags of instances. */
export const TAG_ACTIONS: readonly (readonly [string, Action])[] = [
  ['TagResources', tagResources],
  ['UntagResources', untagResources],
  ['ListTagResources', listTagResources],
]

const MAXIMUM_RESOURCES = 50

function tagResources({ parameters, transaction }: Call): object {
  const added = tagsOf(parameters)
  if (added.length === 0) throw new Refusal('MissingTag', 'Tag.N is mandatory for this action.')
  for (const loadBalancer of resources({ parameters, transaction })) {
    const tags = mergeTags(loadBalancer.tags, added)
    transaction.put(LOAD_BALANCERS, loadBalancer.id, { ...loadBalancer, tags })
  }
  return {}
}

function untagResources({ parameters, transaction }: Call): object {
  const [keys, all] = [parameters.list('TagKey'), parameters.boolean('All') === true]
  for (const loadBalancer of resources({ parameters, transaction })) {
    const tags = loadBalancer.tags.filter(({ key }) => !(all && keys.length === 0) && !keys.includes(key))
    transaction.put(LOAD_BALANCERS, loadBalancer.id, { ...loadBalancer, tags })
  }
  return {}
}

function listTagResources({ parameters, transaction }: Call): object {
  const wanted = tagFilter(parameters)
  const ids = parameters.list('ResourceId')
  const found = ids.length > 0 ? resources({ parameters, transaction }) : transaction.list(LOAD_BALANCERS)
  const TagResource = found
    .filter((loadBalancer) => hasTags(loadBalancer.tags, wanted))
    .flatMap(({ id, tags }) =>
      tags.map(({ key, value }) => ({ ResourceId: id, ResourceType: 'instance', TagKey: key, TagValue: value })),
    )
  return { TagResources: { TagResource }, NextToken: '' }
}

function resources({ parameters, transaction }: Pick<Call, 'parameters' | 'transaction'>): LoadBalancer[] {
  parameters.oneOf('ResourceType', ['instance'])
  const ids = parameters.list('ResourceId')
  if (ids.length === 0 || ids.length > MAXIMUM_RESOURCES) {
    throw new Refusal('MissingResourceId', `Give ResourceId.1 up to ResourceId.${MAXIMUM_RESOURCES}.`)
  }
  return ids.map((id) => requireLoadBalancer(transaction, id))
}

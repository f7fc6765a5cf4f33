import type { SeenInstance, Tag, WantedBalancer } from '../model.ts'
import { CLUSTER_TAG, OWNER_TAG, REUSED_TAG } from '../names.ts'
import type { Step } from './step.ts'

export interface MarkRules {
  readonly clusterId: string
  /** Value of the owner tag. */
  readonly defaultName: string
  /** As the API calls what has the tags. */
  readonly resourceType: 'instance' | 'loadbalancer' | 'servergroup'
}

/** More tags than this are no room for ours. */
const MANY_TAGS = 10

/** The marks that say whose the instance is; a key that is there is left as it is. */
export function markSteps(
  { reuse }: Pick<WantedBalancer, 'reuse'>,
  { id, tags }: SeenInstance,
  rules: MarkRules,
): Step[] {
  const marks = reuse === undefined ? ownerTags(rules) : [{ key: REUSED_TAG, value: 'true' }]
  const added = marks.filter(({ key }) => !tags.some((tag) => tag.key === key))
  return added.length === 0 || tags.length >= MANY_TAGS ? [] : [tagStep(id, added, rules)]
}

/** Tags of what the controller made. */
export function ownerTags({ defaultName, clusterId }: Pick<MarkRules, 'defaultName' | 'clusterId'>): Tag[] {
  return [
    { key: OWNER_TAG, value: defaultName },
    { key: CLUSTER_TAG, value: clusterId },
  ]
}

/** Takes our marks away from what bears them with our values. */
export function unmarkSteps({ id, tags }: SeenInstance, rules: MarkRules): Step[] {
  const ours = new Map(ownerTags(rules).map(({ key, value }) => [key, value]))
  const keys = tags.filter(({ key, value }) => ours.get(key) === value).map(({ key }) => key)
  return keys.length === 0 ? [] : [untagStep(id, keys, rules)]
}

/** Whether an instance was made for a Service: by its tag; by its name when the tag got lost. */
export function isMadeFor({ tags }: SeenInstance, name: string | undefined, defaultName: string): boolean {
  const tag = tags.find(({ key }) => key === OWNER_TAG)
  return tag === undefined ? name === defaultName : tag.value === defaultName
}

/** The tags that an annotation asks for. */
export function tagSteps(
  desired: Pick<WantedBalancer, 'tags' | 'droppedTags'>,
  { id, tags }: SeenInstance,
  rules: MarkRules & { readonly compat: boolean },
): Step[] {
  const changed = desired.tags.filter(
    ({ key, value }) => !isReserved(key) && !tags.some((tag) => tag.key === key && tag.value === value),
  )
  const removed = tags.filter(({ key }) => isDropped(key, desired, rules.compat)).map(({ key }) => key)
  return [
    ...(changed.length === 0 ? [] : [tagStep(id, changed, rules)]),
    ...(removed.length === 0 ? [] : [untagStep(id, removed, rules)]),
  ]
}

/** ACK's controller takes away whatever the annotation does not list; we only what it listed before. */
function isDropped(
  key: string,
  { tags, droppedTags }: Pick<WantedBalancer, 'tags' | 'droppedTags'>,
  compat: boolean,
): boolean {
  if (isReserved(key) || tags.some((tag) => tag.key === key)) return false
  return compat ? tags.length > 0 : droppedTags.includes(key)
}

function isReserved(key: string): boolean {
  return key.startsWith('acs:') || [OWNER_TAG, CLUSTER_TAG, REUSED_TAG].includes(key)
}

/** Tags as parameters of a call. */
export function tagParameters(tags: readonly Tag[]): readonly object[] {
  return tags.map(({ key, value }) => ({ Key: key, Value: value }))
}

function tagStep(id: string, tags: readonly Tag[], { resourceType }: MarkRules): Step {
  const parameters = { ResourceType: resourceType, ResourceId: [id], Tag: tagParameters(tags) }
  return { action: 'TagResources', parameters }
}

function untagStep(id: string, keys: readonly string[], { resourceType }: MarkRules): Step {
  return { action: 'UntagResources', parameters: { ResourceType: resourceType, ResourceId: [id], TagKey: keys } }
}

import type { Parameters } from '../openapi/parameters.ts'
import { Refusal } from '../openapi/refusal.ts'
import type { Tag } from '../vpc/model.ts'

const MAXIMUM_TAGS = 20
const MAXIMUM_KEY = 64
const MAXIMUM_VALUE = 128
const RESERVED_KEY = /^(aliyun|acs:)|https?:\/\//i
const RESERVED_VALUE = /https?:\/\//i

/** Reads `Tag.N.Key`, `Tag.N.Value`. @throws Refusal `InvalidParam.TagKey`, `InvalidParam.TagValue`, `SizeLimitExceeded.Tag` */
export function tagsOf(parameters: Parameters): Tag[] {
  const tags = parameters.objects('Tag').map((tag) => checked(tag.required('Key'), tag.string('Value') ?? ''))
  return mergeTags([], tags)
}

/** Tags with others added; a key's new value takes the place of the old. @throws Refusal `SizeLimitExceeded.Tag` */
export function mergeTags(tags: readonly Tag[], added: readonly Tag[]): Tag[] {
  const merged = new Map([...tags, ...added].map((tag) => [tag.key, tag]))
  if (merged.size > MAXIMUM_TAGS) {
    throw new Refusal(
      'SizeLimitExceeded.Tag',
      `A resource has at most ${MAXIMUM_TAGS} tags; this would make ${merged.size}.`,
    )
  }
  return [...merged.values()]
}

/** Whether a resource has all of some tags; one without value asks for the key alone. */
export function hasTags(
  tags: readonly Tag[],
  wanted: readonly { readonly key: string; readonly value?: string | undefined }[],
): boolean {
  return wanted.every(({ key, value }) =>
    tags.some((tag) => tag.key === key && (value === undefined || tag.value === value)),
  )
}

/** What a filter `Tag.N.Key`, `Tag.N.Value` asks for. */
export function tagFilter(parameters: Parameters): { key: string; value: string | undefined }[] {
  return parameters.objects('Tag').map((tag) => ({ key: tag.required('Key'), value: tag.string('Value') }))
}

function checked(key: string, value: string): Tag {
  if (key.length > MAXIMUM_KEY || RESERVED_KEY.test(key)) {
    throw new Refusal(
      'InvalidParam.TagKey',
      `The tag key '${key.slice(0, 80)}' is not valid: give 1 to ${MAXIMUM_KEY} characters that start neither with aliyun nor acs: and hold no http:// or https://.`,
    )
  }
  if (value.length > MAXIMUM_VALUE || RESERVED_VALUE.test(value)) {
    throw new Refusal(
      'InvalidParam.TagValue',
      `The tag value '${value.slice(0, 80)}' is not valid: give at most ${MAXIMUM_VALUE} characters without http:// or https://.`,
    )
  }
  return { key, value }
}

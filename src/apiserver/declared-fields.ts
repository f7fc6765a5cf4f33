import type { Draft } from '../kube/kind.ts'
import { isJsonObject } from '../kube/patch/json.ts'
import type { AnyKind } from '../kube/registry.ts'
import { listSteps, stepText } from './field-tree.ts'
import { StatusError } from './status-error.ts'

/**
 * The refusal of a configuration with fields that its kind does not have: nobody can own them. As upstream's, an error
 * of the server without a reason.
 *
 * @param body As it was sent. @param unknown Paths of the fields, e.g. `spec.ports[0].foo`.
 */
export function undeclaredFields(kind: AnyKind, body: Draft, unknown: readonly string[]): StatusError {
  const { group, version, kind: title } = kind.resource
  const { name = '', namespace = '' } = isJsonObject(body.metadata) ? body.metadata : {}
  const what = `${namespace}/${name}; ${group}/${version}, Kind=${title}`
  const problems = unknown.map((path) => `${stepsOf(kind, body, path)}: field not declared in schema`)
  const text = problems.length === 1 ? problems[0] : ['errors:', ...problems.map((each) => `  ${each}`)].join('\n')
  return new StatusError(500, '', `failed to create typed patch object (${what}): ${text}`)
}

/** A path with items of lists named by their keys, where they have any: `.spec.ports[port=80,protocol="TCP"].foo`. */
function stepsOf(kind: AnyKind, body: unknown, path: string): string {
  let value = body
  let plain = ''
  let steps = ''
  for (const [, index, field = ''] of path.matchAll(/\[(\d+)\]|([^.[\]]+)/g)) {
    if (index === undefined) {
      value = isJsonObject(value) ? value[field] : undefined
      plain = plain === '' ? field : `${plain}.${field}`
      steps += `.${field}`
      continue
    }
    const list = Array.isArray(value) ? value : []
    value = list[Number(index)]
    const named = [...(listSteps(kind, list, plain) ?? [])].find(([, item]) => item === value)
    steps += named === undefined ? `[${index}]` : stepText(named[0])
  }
  return steps
}

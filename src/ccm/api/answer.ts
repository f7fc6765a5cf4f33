import type { Answer } from './cloud-api.ts'

/** A member as text; `''` when it is not there. Numbers and truth values are written out. */
export function textOf(answer: Answer, name: string): string {
  const value = answer[name]
  return typeof value === 'string' ? value : value === undefined || value === null ? '' : String(value)
}

/** A member that is an object; an empty one when it is not there. */
export function memberOf(answer: Answer, name: string): Answer {
  const value = answer[name]
  return isAnswer(value) ? value : {}
}

/** The objects of a list that is nested as the RPC style has it: `LoadBalancers.LoadBalancer[]`. */
export function listOf(answer: Answer, ...path: readonly string[]): readonly Answer[] {
  return valuesOf(answer, path).filter(isAnswer)
}

/** The strings of a nested list. */
export function textsOf(answer: Answer, ...path: readonly string[]): readonly string[] {
  return valuesOf(answer, path).map(String)
}

function valuesOf(answer: Answer, path: readonly string[]): readonly unknown[] {
  let value: unknown = answer
  for (const name of path) value = isAnswer(value) ? value[name] : undefined
  return Array.isArray(value) ? value : []
}

function isAnswer(value: unknown): value is Answer {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** How a Service wants its endpoints picked: annotations, since the API has no fields for it. */
import type { Service } from '../kube/types/core.ts'
import type { Balancing, Problem } from './service-plan.ts'

/** Annotation of a Service: `round-robin` (default), `random` or `maglev`. */
export const LOAD_BALANCING = 'fairlead.dev/load-balancing'

/**
 * Annotation of a Service: shares of new connections by pod name or endpoint address, as `web-v1-*=9, web-v2-*=1`. A `*`
 * at the end stands for anything; the first that fits counts; others have weight 1. With weight 0 an endpoint gets no
 * new connections, unless all have it.
 */
export const WEIGHTS = 'fairlead.dev/weights'

const BALANCINGS = ['round-robin', 'random', 'maglev'] as const satisfies readonly Balancing[]
const MAX_WEIGHT = 100

/** A pod name or an address, with its weight. */
interface WeightRule {
  readonly name: string
  /** Whether names that go on count as well. */
  readonly prefix: boolean
  readonly weight: number
}

/** Weight of an endpoint, by its address and the name of what it stands for; undefined where nothing is said. */
export type WeightOf = (address: string, name: string | undefined) => number | undefined

/** The annotated way of picking; the default, and a problem, when it is none. */
export function balancingOf(service: Service, problems: Problem[]): Balancing {
  const text = service.metadata.annotations?.[LOAD_BALANCING]
  if (text === undefined) return 'round-robin'
  const found = BALANCINGS.find((balancing) => balancing === text)
  if (found !== undefined) return found
  const message = `Annotation ${LOAD_BALANCING} is "${text}"; wanted is ${BALANCINGS.join(', ')}. Using round-robin`
  problems.push(problemOf(service, 'InvalidLoadBalancing', message))
  return 'round-robin'
}

/** The annotated weights; undefined, and perhaps a problem, when all count alike. */
export function weightsOf(service: Service, problems: Problem[]): WeightOf | undefined {
  const text = service.metadata.annotations?.[WEIGHTS]
  if (text === undefined) return undefined
  const rules = text.split(',').map(parseRule)
  const known = rules.flatMap((rule) => rule ?? [])
  if (known.length < rules.length) {
    const message = `Annotation ${WEIGHTS} is "${text}"; wanted are NAME=WEIGHT with weights 0-${MAX_WEIGHT}, separated by commas. All endpoints count alike`
    problems.push(problemOf(service, 'InvalidWeights', message))
    return undefined
  }
  return (address, name) =>
    known.find((rule) => fits(rule, address) || (name !== undefined && fits(rule, name)))?.weight
}

function parseRule(text: string): WeightRule | undefined {
  const match = /^\s*([a-z0-9.:-]*)(\*?)\s*=\s*(\d{1,3})\s*$/.exec(text)
  const weight = Number(match?.[3] ?? Number.NaN)
  if (match === null || !(weight <= MAX_WEIGHT) || (match[1] === '' && match[2] === '')) return undefined
  return { name: match[1] ?? '', prefix: match[2] === '*', weight }
}

function fits({ name, prefix }: WeightRule, text: string): boolean {
  return prefix ? text.startsWith(name) : text === name
}

function problemOf(service: Service, reason: string, message: string): Problem {
  return { object: 'Service', name: `${service.metadata.namespace ?? ''}/${service.metadata.name}`, reason, message }
}

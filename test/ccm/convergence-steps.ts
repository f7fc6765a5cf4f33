/** What may happen to Services of type LoadBalancer, their nodes, their instances and the controller, one after another. */
import fc from 'fast-check'

/** What people do to an instance behind the controller's back. */
export type Edit =
  | 'stop listener'
  | 'timeouts'
  | 'delete listener'
  | 'empty group'
  | 'rename'
  | 'untag cluster'
  | 'delete instance'
  | 'extra listener'

const CHANGES = [
  'add',
  'add reusing',
  'delete',
  'local',
  'cluster',
  'cluster ip',
  'balance',
  'port',
  'restart',
] as const

/** Annotations without their prefix; null takes one away. */
export type Annotations = Readonly<Record<string, string | null>>

/** Services are numbers from 0. */
export type Step =
  | { readonly do: 'sync' | (typeof CHANGES)[number]; readonly service: number }
  | { readonly do: 'annotate'; readonly service: number; readonly value: Annotations }
  | { readonly do: 'endpoints'; readonly service: number; readonly nodes: readonly number[] }
  | { readonly do: 'node'; readonly node: number; readonly ready: boolean }
  | { readonly do: 'edit'; readonly service: number; readonly edit: Edit }
  | { readonly do: 'faults'; readonly every: number; readonly kind: 'refuse' | 'lose' }
  | { readonly do: 'kill'; readonly service: number; readonly after: number }

export interface StepKinds {
  readonly services: readonly number[]
  readonly annotations: readonly Annotations[]
  readonly edits: readonly Edit[]
  /** The controller is killed after so many calls at most. */
  readonly longestKill: number
}

/** Any step, on two nodes. */
export function anyStep({ services, annotations, edits, longestKill }: StepKinds): fc.Arbitrary<Step> {
  const service = fc.constantFrom(...services)
  const one = <K extends string, F>(name: K, fields: { [P in keyof F]: fc.Arbitrary<F[P]> }) =>
    fc.record({ do: fc.constant(name), ...fields })
  const value = fc.constantFrom(...annotations)
  const nodes = fc.array(fc.constantFrom(1, 2), { maxLength: 4 })
  const faults = { every: fc.integer({ min: 1, max: 7 }), kind: fc.constantFrom('refuse' as const, 'lose' as const) }
  return fc.oneof(
    { weight: 5, arbitrary: one('sync', { service }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constantFrom(...CHANGES, 'add' as const), service }) },
    { weight: 3, arbitrary: one('annotate', { service, value }) },
    { weight: 2, arbitrary: one('endpoints', { service, nodes }) },
    { weight: 1, arbitrary: one('node', { node: fc.constantFrom(1, 2), ready: fc.boolean() }) },
    { weight: 3, arbitrary: one('edit', { service, edit: fc.constantFrom(...edits) }) },
    { weight: 2, arbitrary: one('faults', faults) },
    { weight: 2, arbitrary: one('kill', { service, after: fc.integer({ min: 1, max: longestKill }) }) },
  ) as fc.Arbitrary<Step>
}

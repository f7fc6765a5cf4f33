import { test } from 'node:test'
import fc from 'fast-check'
import { endpointSlices, endpoints, pods, services } from '../../src/kube/resource.ts'
import type { Pod, Service } from '../../src/kube/types/core.ts'
import { poll } from '../cluster/poll.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { barePod, service } from './workloads.ts'

type Change =
  | { readonly type: 'pod'; readonly name: string }
  | { readonly type: 'delete' | 'hold' | 'end' | 'label'; readonly name: string }
  | { readonly type: 'ready'; readonly name: string; readonly ready: boolean }
  | { readonly type: 'service'; readonly spec: Partial<Service['spec']> }

const name = fc.integer({ min: 0, max: 7 }).map((number) => `p${number}`)
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('pod' as const), name }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constantFrom('delete', 'hold', 'end', 'label'), name }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('ready' as const), name, ready: fc.boolean() }) },
  fc.record({
    type: fc.constant('service' as const),
    spec: fc.constantFrom<Partial<Service['spec']>>(
      { publishNotReadyAddresses: true },
      { publishNotReadyAddresses: false },
      { ports: [{ port: 80, targetPort: 9000 }] },
      { ports: [{ port: 80, targetPort: 'http' }] },
      { selector: { app: 'other' } },
      { selector: { app: 'web' } },
    ),
  }),
)

async function carryOut({ client, kubelets }: ControlPlane, step: Change): Promise<void> {
  if (step.type === 'service') {
    await client.patch(services, { namespace: 'default', name: 'web' }, { type: 'merge', body: { spec: step.spec } })
    return
  }
  const known = await client.find(pods, { namespace: 'default', name: step.name })
  if (step.type === 'pod' && known === undefined) await client.create(pods, barePod(step.name))
  if (known === undefined) return
  if (step.type === 'ready') await kubelets.setReady(known, step.ready)
  if (step.type === 'end') await kubelets.end(known)
  if (step.type === 'hold') await client.delete(pods, known.metadata)
  if (step.type === 'delete') await client.delete(pods, known.metadata, { gracePeriodSeconds: 0 })
  if (step.type !== 'label') return
  const app = known.metadata.labels?.app === 'web' ? 'other' : 'web'
  await client.patch(pods, known.metadata, { type: 'merge', body: { metadata: { labels: { app } } } })
}

/** What must be in the slices, one line per endpoint, worked out from nothing but the pods and the Service. */
function wanted({ spec }: Service, all: readonly Pod[]): readonly string[] {
  const port = spec.ports?.[0]?.targetPort === 9000 ? 9000 : 8080
  return all
    .filter(({ metadata, status }) => metadata.labels?.app === spec.selector?.app && status?.podIP !== undefined)
    .map(({ metadata, status }) => {
      const serving = status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false
      const terminating = metadata.deletionTimestamp !== undefined
      const ready = spec.publishNotReadyAddresses === true || (serving && !terminating)
      return `${metadata.name} ${status?.podIP} ${port} ${ready} ${serving} ${terminating}`
    })
    .sort()
}

async function held({ client }: ControlPlane): Promise<readonly string[]> {
  const { items } = await client.list(endpointSlices, { labelSelector: 'kubernetes.io/service-name=web' })
  return items
    .flatMap(({ endpoints: list, ports }) =>
      (list ?? []).map(({ targetRef, addresses, conditions }) => {
        const { ready, serving, terminating } = conditions ?? {}
        return `${targetRef?.name} ${addresses[0]} ${ports?.[0]?.port} ${ready} ${serving} ${terminating}`
      }),
    )
    .sort()
}

test('property: whatever happens to pods and Service, slices and Endpoints end up as the oracle says', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1'] })
  const { client, kubelets } = plane
  kubelets.ends = false
  await client.create(services, service())
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 5, maxLength: 40 }), async (steps) => {
      for (const step of steps) await carryOut(plane, step)
      await poll('the slices that the pods call for', async () => {
        const { items } = await client.list(pods, { namespace: 'default' })
        const object = await client.get(services, { namespace: 'default', name: 'web' })
        // Every pod that has a node gets an address: until then, more is to come.
        if (items.some(({ status }) => status?.podIP === undefined)) return undefined
        const lines = wanted(object, items)
        const legacy = await client.find(endpoints, { namespace: 'default', name: 'web' })
        const published = lines.filter(
          (line) => object.spec.publishNotReadyAddresses === true || line.endsWith('false'),
        )
        const count = (legacy?.subsets ?? []).reduce(
          (sum, { addresses = [], notReadyAddresses = [] }) => sum + addresses.length + notReadyAddresses.length,
          0,
        )
        return (await held(plane)).join('\n') === lines.join('\n') && count === published.length ? true : undefined
      })
    }),
    { numRuns: 12, endOnFailure: true },
  )
})

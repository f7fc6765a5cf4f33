/** Why a Service leads to nobody, as its Events tell it. Time passes only when the test lets it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { ManualClock } from '../../src/kube/manual-clock.ts'
import { endpointSlices, events, pods, services } from '../../src/kube/resource.ts'
import type { CoreEvent, Service } from '../../src/kube/types/core.ts'
import type { Condition } from '../../src/kube/types/meta.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { barePod, service } from './workloads.ts'

/** Nodes are not played so well that they speak while time flies. */
const nodeGraceMs = Number.MAX_SAFE_INTEGER
const isOurs = ({ source, involvedObject }: CoreEvent) =>
  source?.component === 'service-diagnosis-controller' && involvedObject.name === 'web'

class Scene {
  readonly plane: ControlPlane
  readonly clock: ManualClock
  readonly #start: number

  constructor(plane: ControlPlane, clock: ManualClock) {
    this.plane = plane
    this.clock = clock
    this.#start = clock.now()
  }

  /** Lets seconds pass until the Event is there that is asked for; the server's answers need time of their own. */
  async told(reason: string, count = 1): Promise<CoreEvent> {
    const found = this.plane.untilAll(events, (all) => all.some((event) => isTold(event, reason, count)))
    return (await this.until(found)).find((event) => isTold(event, reason, count))!
  }

  async until<T>(found: Promise<T>): Promise<T> {
    let over = false
    const ended = found.finally(() => {
      over = true
    })
    while (!over) {
      this.clock.pass(1_000)
      await delay(1)
    }
    return ended
  }

  async all(): Promise<readonly CoreEvent[]> {
    return (await this.plane.client.list(events, { namespace: 'default' })).items.filter(isOurs)
  }

  seconds(): number {
    return (this.clock.now() - this.#start) / 1000
  }
}

function isTold(event: CoreEvent, reason: string, count: number): boolean {
  return isOurs(event) && event.reason === reason && (event.count ?? 1) >= count
}

test('a Service without pods is told of after a while, once a reason, and when it is over', async () => {
  const clock = new ManualClock(Date.now())
  await using plane = await startControlPlane({ nodeNames: ['n1'], clock, nodeGraceMs })
  const scene = new Scene(plane, clock)
  plane.kubelets.makesReady = false
  await plane.client.create(services, service({ ports: [{ port: 80, targetPort: 8080 }] }))
  const first = await scene.told('NoPodsMatch')
  assert.ok(scene.seconds() >= 10, `told after ${scene.seconds()} s`)
  assert.deepEqual([first.type, first.involvedObject.kind], ['Warning', 'Service'])
  assert.match(
    first.message ?? '',
    /^No pod in namespace default has the labels app=web that Service default\/web selects/,
  )
  const again = await scene.told('NoPodsMatch', 3)
  assert.equal(again.metadata.name, first.metadata.name, 'one Event, counted')
  const repeated = (Date.parse(again.lastTimestamp ?? '') - Date.parse(first.firstTimestamp ?? '')) / 1000
  assert.ok(repeated >= 180, `twice again within ${repeated} s`)

  await plane.client.create(pods, barePod('a'))
  const unready = await scene.told('PodsNotReady')
  assert.match(unready.message ?? '', /^The only pod of Service default\/web is not ready/)
  const pod = await plane.until(pods, 'a', ({ status }) => status?.podIP !== undefined)
  await plane.kubelets.setReady(pod, true)
  const over = await scene.told('Recovered')
  assert.equal(over.type, 'Normal')
  const reasons = (await scene.all()).map(({ reason }) => reason).sort()
  assert.deepEqual(reasons, ['NoPodsMatch', 'PodsNotReady', 'Recovered'], 'one Event a reason')
})

const ENDPOINTS = 'fairlead.dev/EndpointsReady'
const CLOUDS: Condition = {
  type: 'example.com/Other',
  status: 'False',
  reason: 'Busy',
  message: 'm',
  lastTransitionTime: '2026-01-01T00:00:00Z',
}

const ONLY_CLOUDS = { status: { conditions: [CLOUDS] } }

function conditionOf({ status }: Service, type: string): Condition | undefined {
  return status?.conditions?.find((one) => one.type === type)
}

function tells(status: string, reason: string): (service: Service) => boolean {
  return (service) => {
    const told = conditionOf(service, ENDPOINTS)
    return told?.status === status && told.reason === reason
  }
}

test('reasons are conditions too, beside those of others, and are taken back also after a restart', async () => {
  const clock = new ManualClock(Date.now())
  await using plane = await startControlPlane({ nodeNames: ['n1'], clock, nodeGraceMs })
  const scene = new Scene(plane, clock)
  const { client } = plane
  const key = { namespace: 'default', name: 'web' }
  await client.create(services, service({ ports: [{ port: 80, targetPort: 8080 }] }))
  await client.patch(services, key, { type: 'merge', body: ONLY_CLOUDS }, { subresource: 'status' })
  const told = await scene.until(plane.until(services, 'web', tells('False', 'NoPodsMatch')))
  assert.match(conditionOf(told, ENDPOINTS)?.message ?? '', /^No pod in namespace default has the labels app=web/)
  assert.deepEqual(conditionOf(told, CLOUDS.type), CLOUDS)
  assert.equal((await scene.told('NoPodsMatch')).message, conditionOf(told, ENDPOINTS)?.message)

  // Whoever replaces the list and forgets this one loses nothing: it is there again.
  const wiped = await client.patch(services, key, { type: 'merge', body: ONLY_CLOUDS }, { subresource: 'status' })
  assert.equal(conditionOf(wiped, ENDPOINTS), undefined)
  const isLater = ({ metadata }: Service) => Number(metadata.resourceVersion) > Number(wiped.metadata.resourceVersion)
  const isBack = (one: Service) => isLater(one) && tells('False', 'NoPodsMatch')(one)
  await scene.until(plane.until(services, 'web', isBack))

  await plane.restartControllers()
  const pod = await client.create(pods, barePod('a'))
  await plane.until(pods, pod.metadata.name, ({ status }) => status?.phase === 'Running')
  const over = await scene.until(plane.until(services, 'web', tells('True', 'Recovered')))
  assert.deepEqual(conditionOf(over, CLOUDS.type), CLOUDS)
})

test('a Service whose pods become ready in time is told nothing', async () => {
  const clock = new ManualClock(Date.now())
  await using plane = await startControlPlane({ nodeNames: ['n1'], clock, nodeGraceMs })
  const scene = new Scene(plane, clock)
  await plane.client.create(services, service())
  await plane.client.create(pods, barePod('a'))
  await plane.untilAll(endpointSlices, (all) =>
    all.some(
      ({ metadata, endpoints }) => metadata.name.startsWith('web-') && endpoints?.[0]?.conditions?.ready === true,
    ),
  )
  // Another one that comes later is told of; by then this one would have been.
  await plane.client.create(services, {
    ...service({ selector: { app: 'other' } }),
    metadata: { name: 'z', namespace: 'default' },
  })
  const other = plane.untilAll(events, (all) => all.some(({ involvedObject }) => involvedObject.name === 'z'))
  await scene.until(other)
  assert.deepEqual(await scene.all(), [])
  const well = await plane.client.get(services, { namespace: 'default', name: 'web' })
  assert.equal(well.status?.conditions, undefined)
})

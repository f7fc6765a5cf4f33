import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Deployment, ReplicaSet } from '../../kube/types/apps.ts'
import type { Pod } from '../../kube/types/core.ts'
import { fenceposts } from './fenceposts.ts'
import { type DeploymentPlan, planDeployment } from './plan.ts'
import { DESIRED_REPLICAS, MAX_REPLICAS, REVISION, REVISION_HISTORY, sizeOf } from './replica-set.ts'

const NOW = Date.parse('2026-01-01T00:00:00Z')

interface Shape {
  readonly replicas?: number
  readonly image?: string
  readonly spec?: Partial<Deployment['spec']>
  readonly status?: Deployment['status']
  readonly annotations?: Record<string, string>
}

function deployment({ replicas = 3, image = 'v1', spec, status, annotations }: Shape = {}): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default', uid: 'd-1', generation: 1, ...(annotations ? { annotations } : {}) },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image }] } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      progressDeadlineSeconds: 600,
      ...spec,
    },
    ...(status === undefined ? {} : { status }),
  }
}

function plan(owner: Deployment, sets: readonly ReplicaSet[], pods: readonly Pod[] = [], now = NOW): DeploymentPlan {
  return planDeployment(owner, sets, { pods, now })
}

/** ReplicaSets as the API server and their controller would hold them after a plan. */
class World {
  sets: ReplicaSet[] = []
  #serial = 0

  step(owner: Deployment, now = NOW): DeploymentPlan {
    const next = plan(owner, this.sets, [], now)
    const updates = new Map(next.update.map(({ from, to }) => [from.metadata.name, to]))
    const gone = new Set(next.delete.map(({ metadata }) => metadata.name))
    this.sets = this.sets
      .map((set) => updates.get(set.metadata.name) ?? set)
      .filter((set) => !gone.has(set.metadata.name))
    if (next.create !== undefined) {
      const creationTimestamp = new Date(NOW + ++this.#serial * 1000).toISOString()
      const metadata = { ...next.create.metadata, uid: `rs-${this.#serial}`, creationTimestamp }
      this.sets.push({ ...next.create, metadata, status: { replicas: 0 } })
    }
    return next
  }

  /** Every ReplicaSet reports its pods; at most `limit` of those not yet available become so. */
  report(limit = Number.POSITIVE_INFINITY): void {
    let left = limit
    this.sets = this.sets.map((set) => {
      const size = sizeOf(set)
      const before = Math.min(size, set.status?.availableReplicas ?? 0)
      const more = Math.min(left, size - before)
      left -= more
      const available = before + more
      return { ...set, status: { replicas: size, readyReplicas: available, availableReplicas: available } }
    })
  }

  get available(): number {
    return this.sets.reduce((sum, { status }) => sum + (status?.availableReplicas ?? 0), 0)
  }

  get total(): number {
    return this.sets.reduce((sum, set) => sum + sizeOf(set), 0)
  }
}

const conditionOf = (next: DeploymentPlan, type: string) => next.status.conditions?.find((found) => found.type === type)

test('a new Deployment makes one ReplicaSet of full size, in one step', () => {
  const next = plan(deployment(), [])
  const created = next.create!
  const hash = created.metadata.labels?.['pod-template-hash']
  assert.equal(created.metadata.name, `web-${hash}`)
  assert.equal(created.spec.replicas, 3)
  assert.equal(created.spec.selector.matchLabels?.['pod-template-hash'], hash)
  assert.equal(created.spec.template?.metadata?.labels?.['pod-template-hash'], hash)
  assert.deepEqual(created.metadata.annotations, { [DESIRED_REPLICAS]: '3', [MAX_REPLICAS]: '4', [REVISION]: '1' })
  assert.equal(created.metadata.ownerReferences?.[0]?.uid, 'd-1')
  assert.equal(next.revision, '1')
  assert.equal(conditionOf(next, 'Progressing')?.reason, 'NewReplicaSetCreated')
  assert.equal(conditionOf(next, 'Progressing')?.message, `Created new replica set "${created.metadata.name}"`)
  assert.equal(conditionOf(next, 'Available')?.reason, 'MinimumReplicasUnavailable')
  assert.equal(next.recheckIn, 600_000)
})

test('a collision count gives another name', () => {
  const [first, second] = [plan(deployment(), []), plan(deployment({ status: { collisionCount: 1 } }), [])]
  assert.notEqual(first.create?.metadata.name, second.create?.metadata.name)
})

test('a finished rollout: conditions and counts', () => {
  const world = new World()
  world.step(deployment())
  world.report()
  const before = plan(deployment(), [])
  const next = plan(deployment({ status: before.status, annotations: { [REVISION]: '1' } }), world.sets)
  assert.deepEqual(
    { ...next.status, conditions: undefined },
    {
      observedGeneration: 1,
      replicas: 3,
      updatedReplicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
      unavailableReplicas: 0,
      conditions: undefined,
    },
  )
  assert.equal(conditionOf(next, 'Available')?.reason, 'MinimumReplicasAvailable')
  assert.equal(conditionOf(next, 'Progressing')?.reason, 'NewReplicaSetAvailable')
  assert.deepEqual([next.create, next.update, next.delete, next.revision], [undefined, [], [], undefined])
  assert.equal(next.recheckIn, undefined)
})

test('a second pass over an unchanged world changes nothing, status included', () => {
  const world = new World()
  let owner = deployment()
  world.step(owner)
  world.report()
  owner = { ...owner, status: plan(owner, world.sets).status }
  const later = plan(owner, world.sets, [], NOW + 60_000)
  assert.deepEqual(later.status, owner.status)
})

test('a new template: surge first, then the old ones go as the new become available', () => {
  const world = new World()
  world.step(deployment({ replicas: 4 }))
  world.report()
  const owner = deployment({ replicas: 4, image: 'v2' })
  const sizes: number[][] = []
  for (let step = 0; step < 6; step++) {
    world.step(owner)
    sizes.push(world.sets.map(sizeOf))
    world.step(owner)
    world.report()
  }
  assert.deepEqual(sizes[0], [4, 1])
  assert.deepEqual(sizes.at(-1), [0, 4])
  assert.equal(world.sets[1]?.metadata.annotations?.[REVISION], '2')
})

test('rolling back reuses the old ReplicaSet and notes its history', () => {
  const world = new World()
  for (const image of ['v1', 'v2', 'v1']) {
    for (let step = 0; step < 10; step++) {
      world.step(deployment({ image }))
      world.report()
    }
  }
  assert.deepEqual(world.sets.map(sizeOf), [3, 0])
  assert.equal(world.sets[0]?.metadata.annotations?.[REVISION], '3')
  assert.equal(world.sets[0]?.metadata.annotations?.[REVISION_HISTORY], '1')
})

test('revisions are numbers of 64 bits, as those of a ReplicaSet that is taken over may be', () => {
  const adopted = plan(deployment(), []).create!
  const annotations = { [REVISION]: '3546343826724305832' }
  const old = { ...adopted, metadata: { ...adopted.metadata, annotations } }
  const next = plan(deployment({ image: 'v2' }), [old])
  assert.equal(next.create?.metadata.annotations?.[REVISION], '3546343826724305833')
  assert.equal(next.revision, '3546343826724305833')
})

test('pods that are not available go first', () => {
  const world = new World()
  world.step(deployment({ replicas: 4, image: 'broken' }))
  const owner = deployment({ replicas: 4, image: 'fixed' })
  world.step(owner)
  world.step(owner)
  assert.deepEqual(world.sets.map(sizeOf), [3, 1], 'a broken pod goes although nothing new is available')
})

test('Recreate: nothing new before the last old pod is gone', () => {
  const spec = { strategy: { type: 'Recreate' } } as const
  const world = new World()
  world.step(deployment({ spec }))
  world.report()
  const owner = deployment({ image: 'v2', spec })
  world.step(owner)
  assert.deepEqual(world.sets.map(sizeOf), [0])
  const [old] = world.sets
  const running = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'p',
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'x', uid: old!.metadata.uid!, controller: true },
      ],
    },
    spec: { containers: [] },
    status: { phase: 'Running' },
  } as const
  assert.equal(plan(owner, world.sets, [running]).create, undefined)
  assert.equal(plan(owner, world.sets, []).create?.spec.replicas, 3)
})

test('paused: no new ReplicaSet, but scaling works', () => {
  const world = new World()
  world.step(deployment())
  world.report()
  const owner = deployment({ image: 'v2', replicas: 5, spec: { paused: true } })
  const next = world.step(owner)
  assert.deepEqual(world.sets.map(sizeOf), [5])
  assert.equal(conditionOf(next, 'Progressing')?.reason, 'DeploymentPaused')
  const resumed = plan(deployment({ image: 'v2', replicas: 5, status: next.status }), world.sets)
  assert.equal(conditionOf(resumed, 'Progressing')?.status, 'True')
})

test('scaling in the middle of a rollout is shared out in proportion', () => {
  const world = new World()
  world.step(deployment({ replicas: 10 }))
  world.report()
  const owner = deployment({ replicas: 10, image: 'v2' })
  world.step(owner)
  world.step(owner)
  assert.deepEqual(world.sets.map(sizeOf), [8, 3])
  world.step(deployment({ replicas: 20, image: 'v2' }))
  assert.equal(world.total, 25)
  assert.ok(sizeOf(world.sets[0]!) > sizeOf(world.sets[1]!))
})

test('scaling to nothing, and back', () => {
  const world = new World()
  world.step(deployment())
  world.report()
  world.step(deployment({ replicas: 0 }))
  assert.deepEqual(world.sets.map(sizeOf), [0])
  world.step(deployment({ replicas: 2 }))
  assert.deepEqual(world.sets.map(sizeOf), [2])
})

test('old ReplicaSets beyond the history limit are deleted once the rollout is complete', () => {
  const world = new World()
  for (const image of ['v1', 'v2', 'v3', 'v4']) {
    for (let step = 0; step < 10; step++) {
      world.step(deployment({ image, spec: { revisionHistoryLimit: 1 } }))
      world.report()
    }
  }
  assert.deepEqual(
    world.sets.map(({ metadata }) => metadata.annotations?.[REVISION]),
    ['3', '4'],
  )
})

test('no progress within the deadline is said, and progress takes it back', () => {
  const world = new World()
  const created = world.step(deployment())
  const late = plan(deployment({ status: created.status }), world.sets, [], NOW + 601_000)
  assert.equal(conditionOf(late, 'Progressing')?.reason, 'ProgressDeadlineExceeded')
  assert.equal(conditionOf(late, 'Progressing')?.status, 'False')
  world.report(1)
  const later = plan(deployment({ status: late.status }), world.sets, [], NOW + 700_000)
  assert.equal(conditionOf(later, 'Progressing')?.reason, 'ReplicaSetUpdated')
})

test('a Deployment that is being deleted does nothing', () => {
  const owner = { ...deployment(), metadata: { ...deployment().metadata, deletionTimestamp: 'now' } }
  const next = plan(owner, [])
  assert.deepEqual([next.create, next.update, next.delete], [undefined, [], []])
})

test('annotations go to the new ReplicaSet, but not what kubectl applied last', () => {
  const annotations = { note: 'x', 'kubectl.kubernetes.io/last-applied-configuration': '{}' }
  const next = plan(deployment({ annotations }), [])
  assert.equal(next.create?.metadata.annotations?.note, 'x')
  assert.ok(!('kubectl.kubernetes.io/last-applied-configuration' in (next.create?.metadata.annotations ?? {})))
})

test('property: a rollout stays within its bounds, whatever becomes available when, and ends', () => {
  const intOrPercent = fc.oneof(
    fc.nat(3),
    fc.nat(100).map((value) => `${value}%`),
  )
  fc.assert(
    fc.property(
      fc.record({ replicas: fc.nat(12), maxSurge: intOrPercent, maxUnavailable: intOrPercent }),
      fc.array(fc.nat(3), { maxLength: 30 }),
      ({ replicas, maxSurge, maxUnavailable }, steps) => {
        const spec = { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } } } as const
        const world = new World()
        world.step(deployment({ replicas, spec }))
        world.report()
        const owner = deployment({ replicas, image: 'v2', spec })
        const bounds = fenceposts(owner)
        for (const limit of [...steps, ...Array.from({ length: 60 }, () => 3)]) {
          world.step(owner)
          world.report(limit)
          assert.ok(world.total <= replicas + bounds.maxSurge, `${world.total} pods`)
          assert.ok(world.available >= replicas - bounds.maxUnavailable, `${world.available} available`)
        }
        assert.deepEqual(world.sets.map(sizeOf), [0, replicas])
      },
    ),
  )
})

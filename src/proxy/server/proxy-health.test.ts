import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ManualClock } from '../../kube/manual-clock.ts'
import type { Node } from '../../kube/types/core.ts'
import { healthHandler } from './health-server.ts'
import { ProxyHealth } from './proxy-health.ts'

const NODE: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } }
const TAINTED: Node = { ...NODE, spec: { taints: [{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }] } }
const GOING: Node = { ...NODE, metadata: { name: 'n', deletionTimestamp: '2026-01-01T00:00:00Z' } }

function bench() {
  const clock = new ManualClock(1_000_000_000_000)
  const health = new ProxyHealth({ clock, timeoutMs: 60_000 })
  const codes: string[] = []
  const handler = healthHandler(health, { probed: (probe, code) => codes.push(`${probe} ${code}`) })
  const ask = async (path: string) => {
    const { status, body } = await handler(path)
    return { status, report: status === 404 ? {} : JSON.parse(body) }
  }
  return { clock, health, codes, ask }
}

describe('health of a proxy', () => {
  test('it is healthy while it starts, but gets no traffic before its node is known', async () => {
    const { clock, health, ask, codes } = bench()
    health.queued()
    clock.pass(120_000)
    assert.equal((await ask('/livez')).status, 200)
    assert.equal((await ask('/healthz')).status, 503)
    health.seeNode(NODE)
    assert.equal((await ask('/healthz')).status, 200)
    assert.deepEqual(codes, ['livez 200', 'healthz 503', 'healthz 200'])
    assert.equal((await ask('/other')).status, 404)
  })

  test('a change that waits for too long makes it unhealthy until the kernel has it', async () => {
    const { clock, health, ask } = bench()
    health.seeNode(NODE)
    health.updated()
    const updated = new Date(clock.now()).toISOString()
    clock.pass(500_000)
    assert.equal((await ask('/healthz')).report.lastUpdated, new Date(clock.now()).toISOString(), 'idle is well')
    health.queued()
    clock.pass(30_000)
    health.queued()
    clock.pass(29_999)
    assert.equal((await ask('/healthz')).status, 200)
    clock.pass(1)
    for (const path of ['/healthz', '/livez']) {
      const { status, report } = await ask(path)
      assert.equal(status, 503, path)
      assert.equal(report.healthy, false)
      assert.equal(report.lastUpdated, updated)
      assert.deepEqual(report.status.IPv6, { lastUpdated: updated, healthy: false })
    }
    health.updated()
    assert.equal((await ask('/livez')).status, 200)
  })

  test('a node that goes gets no traffic, though the proxy works', async () => {
    const { health, ask } = bench()
    health.updated()
    for (const node of [TAINTED, GOING, undefined]) {
      health.seeNode(node)
      const { status, report } = await ask('/healthz')
      assert.deepEqual([status, report.nodeEligible, report.healthy], [503, false, true])
      const live = await ask('/livez')
      assert.equal(live.status, 200)
      assert.ok(!('nodeEligible' in live.report))
    }
    health.seeNode(NODE)
    assert.equal((await ask('/healthz')).status, 200)
  })
})

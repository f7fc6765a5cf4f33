import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFairleadError } from '../base/error.ts'
import { createClusterSpec, podVSwitch } from './cluster-spec.ts'

test('createClusterSpec() spreads three nodes over three zones', () => {
  const spec = createClusterSpec()
  assert.equal(spec.name, 'dev')
  assert.deepEqual(
    spec.nodes.map((node) => [node.name, node.zone, node.address]),
    [
      ['node-1', 'zone-a', '192.168.0.11'],
      ['node-2', 'zone-b', '192.168.1.11'],
      ['node-3', 'zone-c', '192.168.2.11'],
    ],
  )
})

test('createClusterSpec() gives every node addresses of its own', () => {
  const { nodes } = createClusterSpec({ nodes: 60 })
  assert.equal(new Set(nodes.map((node) => node.address)).size, 60)
  assert.equal(new Set(nodes.map((node) => node.publicAddress)).size, 60)
})

test('createClusterSpec() refuses what it cannot build, with the value given and the values allowed', () => {
  for (const options of [{ nodes: 0 }, { nodes: 1.5 }, { nodes: 1000 }, { apiPort: 70_000 }, { apiPort: Number.NaN }]) {
    assert.throws(
      () => createClusterSpec(options),
      (error) => isFairleadError(error, 'USAGE') && /give a whole number from/.test(error.message),
    )
  }
  for (const name of ['', 'Dev', 'a_b', '-a', 'a-', 'x'.repeat(21), '../etc', 'a b']) {
    assert.throws(
      () => createClusterSpec({ name }),
      (error) => isFairleadError(error, 'USAGE'),
    )
  }
})

test('settings of the API server are kept where they were given, and paths made whole', () => {
  assert.equal(createClusterSpec().apiServer, undefined)
  const { apiServer } = createClusterSpec({
    apiServer: {
      auditLogPath: 'audit.log',
      auditPolicyFile: '/etc/policy.yaml',
      maxRequestsInflight: 0,
      requestTimeout: '1m30s',
    },
  })
  assert.deepEqual(apiServer, {
    auditLogPath: `${process.cwd()}/audit.log`,
    auditPolicyFile: '/etc/policy.yaml',
    maxRequestsInflight: 0,
    requestTimeoutMs: 90_000,
  })
  assert.equal(createClusterSpec({ apiServer: { auditLogPath: '-' } }).apiServer?.auditLogPath, '-')
  for (const bad of [{ auditPolicyFile: 'p' }, { requestTimeout: '0' }, { requestTimeout: 'soon' }]) {
    assert.throws(() => createClusterSpec({ apiServer: bad }), { code: 'USAGE' })
  }
})

test('createClusterSpec() gives pods a range of each node, or a vSwitch of each zone beside that of the nodes', () => {
  const flannel = createClusterSpec()
  assert.deepEqual([flannel.network, flannel.clusterCidrs, flannel.vSwitches.length], ['flannel', ['10.244.0.0/16'], 3])
  const terway = createClusterSpec({ network: 'terway-eniip', instanceType: 'ecs.g7.large' })
  assert.deepEqual([terway.clusterCidrs, terway.vSwitches.length], [[], 6])
  assert.equal(terway.vSwitches.find(({ name }) => name === podVSwitch('zone-c'))?.cidrBlock, '192.168.128.0/19')
  assert.equal(terway.nodes[0]?.instanceType, 'ecs.g7.large')
  for (const options of [{ network: 'calico' }, { instanceType: 'ecs.none' }]) {
    assert.throws(
      () => createClusterSpec(options),
      (error) => isFairleadError(error, 'USAGE') && /: give (flannel or|one of ecs)/.test(error.message),
    )
  }
})

test('createClusterSpec() lets a node take 110 pods, or what is asked for within its range', () => {
  assert.equal(createClusterSpec().maxPods, 110)
  assert.equal(createClusterSpec({ maxPods: 253 }).maxPods, 253)
  for (const maxPods of [0, 254, 1.5, Number.NaN]) {
    assert.throws(
      () => createClusterSpec({ maxPods }),
      (error) => isFairleadError(error, 'USAGE') && error.message.includes(`Cannot run ${maxPods} pods`),
    )
  }
})

test('createClusterSpec() takes how long nodes may be silent as a duration', () => {
  assert.equal(createClusterSpec().nodeMonitorGraceMs, undefined)
  assert.equal(createClusterSpec({ nodeMonitorGracePeriod: '1m20s' }).nodeMonitorGraceMs, 80_000)
  for (const nodeMonitorGracePeriod of ['', '1s', 'soon', '-5s', '20']) {
    assert.throws(
      () => createClusterSpec({ nodeMonitorGracePeriod }),
      (error) => isFairleadError(error, 'USAGE') && error.message.includes(`'${nodeMonitorGracePeriod}' of silence`),
    )
  }
})

test('createClusterSpec() takes the sizes of Terway’s pool, and only there', () => {
  const network = 'terway-eniip'
  assert.equal(createClusterSpec({ network }).pool, undefined)
  const { pool } = createClusterSpec({ network, minPoolSize: 2, maxPoolSize: 4, maxEni: 1 })
  assert.deepEqual(pool, { minFree: 2, maxFree: 4, interfaces: 1 })
  assert.deepEqual(createClusterSpec({ network, minPoolSize: 5 }).pool, { minFree: 5 })
  for (const [options, why] of [
    [{ network, minPoolSize: 6 }, '6 addresses ready and at most 5'],
    [{ network, maxPoolSize: -1 }, '--max-pool-size=-1'],
    [{ network, maxEni: 0 }, '--max-eni=0'],
    [{ minPoolSize: 1 }, '--network terway-eniip'],
  ] as const) {
    assert.throws(
      () => createClusterSpec(options),
      (error) => isFairleadError(error, 'USAGE') && error.message.includes(why),
    )
  }
})

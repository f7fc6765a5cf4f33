import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../kube/manual-clock.ts'
import { endpointsOf } from './api/endpoints.ts'
import { type CcmFlags, controllerOptions, leaseOf, withFlags } from './ccm-flags.ts'
import { readCloudConfig } from './cloud-config.ts'
import { tokenBucket } from './token-bucket.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const GLOBAL = { region: 'cn-hangzhou', vpcid: 'vpc-1', accessKeyID: base64('id'), accessKeySecret: base64('secret') }
const read = (global: object, env = {}) => readCloudConfig({ Global: global }, { source: 'config', env })

test('keys of ACK are read, in any case; keys of access are base64', () => {
  const config = read({
    ...GLOBAL,
    clusterID: 'c1',
    vswitchID: ':vsw-a,zone-b:vsw-b',
    serviceBackendType: 'eni',
    disablePublicSLB: true,
    featureGates: 'IPv6DualStack=true,EndpointSlice=false',
    routeTableIDs: 'vtb-1,vtb-2',
  })
  assert.deepEqual(config.keys, { accessKeyId: 'id', accessKeySecret: 'secret' })
  assert.equal(config.clusterId, 'c1')
  assert.deepEqual(config.vSwitchIds, ['vsw-a', 'vsw-b'])
  assert.deepEqual(config.zones, [{ zoneId: 'zone-b', vSwitchId: 'vsw-b' }])
  assert.deepEqual(config.routeTableIds, ['vtb-1', 'vtb-2'])
  assert.deepEqual([config.serviceBackendType, config.disablePublicSlb], ['eni', true])
  assert.deepEqual(config.featureGates, { IPv6DualStack: true, EndpointSlice: false })
})

test('what is missing is named; the environment may have the key, and force pods as backends', () => {
  assert.throws(() => read({ vpcid: 'v' }), /config has no Global\.region/)
  const { accessKeyID: _, ...rest } = GLOBAL
  assert.throws(() => read(rest), /config has no access key, nor has the environment/)
  const config = read(rest, { ACCESS_KEY_ID: 'a', ACCESS_KEY_SECRET: 'b', SERVICE_FORCE_BACKEND_ENI: 'true' })
  assert.deepEqual(config.keys, { accessKeyId: 'a', accessKeySecret: 'b' })
  assert.equal(config.serviceBackendType, 'eni')
  assert.throws(
    () => read({ ...GLOBAL, serviceMaxConcurrentReconciles: 'many' }),
    /'many': give a whole number above 0/,
  )
})

test('endpoints: the public ones of the region, or those of the environment', () => {
  assert.equal(endpointsOf('cn-hangzhou', {}).slb, 'https://slb.aliyuncs.com')
  assert.equal(endpointsOf('eu-central-1', {}).slb, 'https://slb.eu-central-1.aliyuncs.com')
  const env = { SLB_ENDPOINT: '127.0.0.1:80', VPC_ENDPOINT: 'https://vpc.test', ALICLOUD_CLIENT_SCHEME: 'HTTP' }
  const { slb, nlb, ecs, vpc } = endpointsOf('cn-hangzhou', env)
  assert.deepEqual([slb, ecs, vpc], ['http://127.0.0.1:80', 'http://ecs.cn-hangzhou.aliyuncs.com', 'https://vpc.test'])
  assert.equal(nlb, 'http://nlb.cn-hangzhou.aliyuncs.com')
  assert.equal(endpointsOf('cn-hangzhou', { NLB_ENDPOINT: 'nlb.test' }).nlb, 'https://nlb.test')
})

test('flags: batches of at most 40, nonsense falls to 39; routes need a range; controllers can be left out', () => {
  const flags = { cloudConfig: 'x', clusterCidr: '10.244.0.0/16' }
  assert.equal(controllerOptions(flags).batchSize, 40)
  assert.equal(controllerOptions({ ...flags, sgBatchSize: 0 }).batchSize, 39)
  assert.equal(controllerOptions({ ...flags, sgBatchSize: 500 }).batchSize, 40)
  assert.throws(() => controllerOptions({ cloudConfig: 'x' }), /there is no --cluster-cidr/)
  const withoutRoutes = controllerOptions({ cloudConfig: 'x', configureCloudRoutes: false })
  assert.equal(withoutRoutes.clusterCidr, undefined)
  assert.deepEqual(controllerOptions({ ...flags, controllers: '*,-node' }).controllers, ['service', 'nlb', 'route'])
  assert.deepEqual(controllerOptions({ ...flags, controllers: 'nlb' }).controllers, ['nlb'])
  assert.throws(() => controllerOptions({ ...flags, controllers: 'alb' }), /There is no controller 'alb'/)
})

/** Values of ACK's flags that cannot be honoured. */
const REFUSED: readonly [flags: Partial<CcmFlags>, message: RegExp][] = [
  [{ cloudProvider: 'aws' }, /--cloud-provider has the value 'aws': give alibabacloud/],
  [{ network: 'classic' }, /--network has the value 'classic': give vpc/],
  [{ leaderElectResourceLock: 'endpoints' }, /--leader-elect-resource-lock has the value 'endpoints': give leases/],
  [{ useServiceAccountCredentials: true }, /--use-service-account-credentials has the value 'true': give false/],
  [{ skipDisableSourceDestCheck: false }, /--skip-disable-source-dest-check has the value 'false': give true/],
  [{ pprofBindAddr: ':6060' }, /--pprof-bind-addr has the value ':6060': give 0/],
  [{ maxConcurrentActions: 0 }, /--max-concurrent-actions has the value '0': give a positive integer/],
  [{ maxThrottlingRetryTimes: -1 }, /--max-throttling-retry-times has the value '-1': give a positive integer/],
  [{ nodeReconcileBatchSize: 101 }, /--node-reconcile-batch-size has the value '101': give 1 to 100/],
  [{ routeReconcileBatchSize: 51 }, /--route-reconcile-batch-size has the value '51': give 1 to 50/],
  [{ leaderElectLeaseDuration: 5_000 }, /5000 ms, to be renewed within 10000 ms.*each has to be longer than the next/],
]

test("ACK's other flags count, or are taken as they are; what cannot be honoured is refused in words", () => {
  const flags = { cloudConfig: 'x', clusterCidr: '10.244.0.0/16' }
  for (const [more, message] of REFUSED) assert.throws(() => controllerOptions({ ...flags, ...more }), message)
  const options = controllerOptions({
    ...flags,
    cloudProvider: 'alibabacloud',
    network: 'vpc',
    clusterName: 'kubernetes',
    allocateNodeCidrs: true,
    allowUntaggedCloud: false,
    useServiceAccountCredentials: false,
    skipDisableSourceDestCheck: true,
    leaderElectResourceLock: 'leases',
    pprofBindAddr: '0',
    nodeEventAggregationWaitSeconds: 2,
    nodeReconcileBatchSize: 50,
    routeReconcileBatchSize: 50,
  })
  assert.deepEqual([options.nodeEventWaitMs, options.nodeBatchSize], [2_000, 50])
  const lease = leaseOf({ ...flags, leaderElectResourceName: 'mine', leaderElectLeaseDuration: 60_000 })
  assert.deepEqual(lease, { namespace: 'kube-system', name: 'mine', leaseMs: 60_000, renewMs: 10_000, retryMs: 2_000 })
})

test('feature gates: those of ACK, with a value; Endpoints are not read', () => {
  const gates = (featureGates: string) => withFlags(read(GLOBAL), { cloudConfig: 'x', featureGates }).featureGates
  assert.deepEqual(gates('IPv6DualStack=1,FilterServiceOnNodeChange=True,LoadBalancerTypeAnnotation=f'), {
    IPv6DualStack: true,
    FilterServiceOnNodeChange: true,
    LoadBalancerTypeAnnotation: false,
  })
  assert.throws(() => gates('Nothing=true'), /unrecognized feature gate: Nothing; there are IPv6DualStack/)
  assert.throws(() => gates('IPv6DualStack'), /missing bool value for IPv6DualStack/)
  assert.throws(() => gates('IPv6DualStack=yes'), /invalid value of IPv6DualStack=yes/)
  assert.throws(() => gates('EndpointSlice=false'), /EndpointSlice is 'false': give true/)
})

test('retries of all keys together: a burst of 100, then 10 in a second', () => {
  const clock = new ManualClock()
  const next = tokenBucket({ perSecond: 10, burst: 100, clock })
  const first = Array.from({ length: 100 }, next)
  assert.ok(first.every((wait) => wait === 0))
  assert.deepEqual([next(), next()], [100, 200])
  clock.pass(1_000)
  assert.equal(next(), 0)
})

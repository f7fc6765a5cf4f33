import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../kube/manual-clock.ts'
import { endpointsOf } from './api/endpoints.ts'
import { controllerOptions } from './ccm-program.ts'
import { readCloudConfig } from './cloud-config.ts'
import { retryBucket } from './retry-bucket.ts'

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
  assert.deepEqual([config.accessKeyId, config.accessKeySecret, config.clusterId], ['id', 'secret', 'c1'])
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
  assert.deepEqual([config.accessKeyId, config.accessKeySecret, config.serviceBackendType], ['a', 'b', 'eni'])
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

test('retries of all keys together: a burst of 100, then 10 in a second', () => {
  const clock = new ManualClock()
  const next = retryBucket({ perSecond: 10, burst: 100, clock })
  const first = Array.from({ length: 100 }, next)
  assert.ok(first.every((wait) => wait === 0))
  assert.deepEqual([next(), next()], [100, 200])
  clock.pass(1_000)
  assert.equal(next(), 0)
})

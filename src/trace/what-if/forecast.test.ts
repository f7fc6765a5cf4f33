import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFairleadError } from '../../base/error.ts'
import { DEFAULT_PRICES, type PriceTable } from '../../cloud/billing/price-table.ts'
import { type ServiceWords, testWorld } from '../test-world.ts'
import { atlasOf, nameOf } from '../world.ts'
import { fork } from './change.ts'
import { type Forecast, forecast } from './forecast.ts'

const PODS = [
  { name: 'web-1', labels: { app: 'web' }, node: 1 },
  { name: 'web-2', labels: { app: 'web' }, node: 2 },
  { name: 'web-3', labels: { app: 'web' }, node: 2 },
] as const
const around = { publicAddresses: [1, 2, 3].map((n) => ({ eip: `203.0.113.${n}`, address: `192.168.0.${n}` })) }
const nodePort: ServiceWords = {
  name: 'web',
  type: 'NodePort',
  externalTrafficPolicy: 'Cluster',
  ports: [{ port: 80, targetPort: 8080, nodePort: 30080 }],
}

function whatIf(words: ServiceWords, ...changes: string[]): Forecast {
  const atlas = testWorld({ services: [words], pods: PODS, around })
  const service = atlas.objects.services.find((one) => nameOf(one) === 'default/web')!
  return forecast(fork(atlas, service, changes))
}

test('policy Local: who loses access, whose address is seen, and how pods are used', () => {
  const told = whatIf(nodePort, 'externalTrafficPolicy=Local')
  assert.deepEqual(told.changes, ['spec.externalTrafficPolicy: Cluster -> Local'])
  assert.deepEqual(told.gains, [])
  const lost = told.loses.map(({ client, address }) => `${client} ${address}`)
  assert.ok(lost.includes('internet EIP of node-3'))
  assert.ok(!lost.includes('internet EIP of node-1'))
  assert.ok(
    lost.every((line) => line.endsWith('of node-3')),
    lost.join('\n'),
  )
  const seen = told.sources.find(({ client, address }) => client === 'internet' && address === 'EIP of node-2')
  assert.deepEqual(seen?.after, ['its own'])
  const shares = Object.fromEntries(told.balance.map(({ pod, after }) => [pod, after]))
  assert.deepEqual(shares, { 'default/web-1': 0.5, 'default/web-2': 0.25, 'default/web-3': 0.25 })
})

test('type: node ports and the internet come, and go', () => {
  const up = whatIf({ name: 'web' }, 'type=NodePort')
  assert.ok(up.gains.some(({ client, address }) => client === 'internet' && address === 'EIP of node-3'))
  assert.deepEqual(up.loses, [])
  assert.match(up.notes.join(), /would get some free node port, 30000/)
  const down = whatIf(nodePort, 'type=ClusterIP')
  assert.ok(down.loses.some(({ client }) => client === 'internet'))
  assert.ok(down.loses.every(({ address }) => address !== 'ClusterIP'))
})

test('a load balancer: backends for the quota, the fee', () => {
  const balancer: ServiceWords = { ...nodePort, type: 'LoadBalancer' }
  const local = whatIf(balancer, 'externalTrafficPolicy=Local')
  assert.deepEqual(local.quota, { before: 3, after: 2 })
  const made = whatIf(nodePort, 'type=LoadBalancer')
  assert.deepEqual(
    [made.quota, made.monthlyCost],
    [
      { before: 0, after: 3 },
      // By hour 0.021 for the instance and 0.003 for keeping its address.
      { before: 0, after: 17.28, currency: 'USD', unknown: ['lcu-fee'] },
    ],
  )
})

test('a Network Load Balancer has a fee of its own', () => {
  const loadBalancerClass = 'alibabacloud.com/nlb'
  const local = whatIf({ ...nodePort, type: 'LoadBalancer', loadBalancerClass }, 'externalTrafficPolicy=Local')
  assert.deepEqual(local.monthlyCost, { before: 14.4, after: 14.4, currency: 'USD', unknown: [] })
})

test('the cost is a bill of what would be bought, by the prices that count', () => {
  const balancer: ServiceWords = { ...nodePort, type: 'LoadBalancer' }
  const costOf = (annotations: Readonly<Record<string, string>>, prices?: PriceTable) => {
    const atlas = testWorld({ services: [balancer], pods: PODS, around })
    const plain = atlas.objects.services.find((one) => nameOf(one) === 'default/web')!
    const service = { ...plain, metadata: { ...plain.metadata, annotations } }
    const annotated = atlasOf({ ...atlas, objects: { ...atlas.objects, services: [service] } })
    const { monthlyCost } = forecast(
      fork(annotated, service, ['type=ClusterIP']),
      prices === undefined ? {} : { prices },
    )
    assert.equal(monthlyCost.after, 0)
    return [monthlyCost.before, monthlyCost.unknown]
  }
  const prefix = 'service.beta.kubernetes.io/alibaba-cloud-loadbalancer-'
  assert.deepEqual(costOf({ [`${prefix}address-type`]: 'intranet' }), [15.12, ['lcu-fee']])
  const bySpec = { [`${prefix}instance-charge-type`]: 'PayBySpec', [`${prefix}spec`]: 'slb.s2.small' }
  assert.deepEqual(costOf(bySpec), [53.28, []])
  assert.deepEqual(costOf({ [`${prefix}id`]: 'lb-of-somebody' }), [0, []])
  const edited = DEFAULT_PRICES.prices.map((price) => (price.item === 'instance-fee' ? { ...price, amount: 1 } : price))
  assert.deepEqual(costOf({}, { currency: 'USD', prices: edited }), [722.16, ['lcu-fee']])
  const taken = DEFAULT_PRICES.prices.filter(({ item }) => item !== 'instance-fee')
  assert.deepEqual(costOf({}, { currency: 'USD', prices: taken }), [2.16, ['instance-fee', 'lcu-fee']])
})

test('selector, replicas and target port are forecast with the controllers own decisions', () => {
  const wrong = whatIf({ name: 'web' }, 'selector=app:wbe')
  assert.ok(wrong.loses.length > 0)
  assert.match(wrong.loses[0]?.cause ?? '', /closest is pod web-1 with app=web/)
  const more = whatIf({ name: 'web' }, 'replicas=4')
  assert.deepEqual(
    more.balance.map(({ after }) => after),
    [0.25, 0.25, 0.25, 0.25],
  )
  assert.match(more.notes.join(), /expected on node-3/)
  const fewer = whatIf({ name: 'web' }, 'replicas=0')
  assert.match(fewer.loses[0]?.cause ?? '', /no pod in namespace default has the labels/)
})

test('what cannot be changed is refused with what can', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['externalTrafficPolcy=Local', /externalTrafficPolicy is meant/],
    ['externalTrafficPolicy=local', /Cluster or Local/],
    ['type', /field=value/],
    ['replicas=many', /whole number/],
    ['selector=web', /KEY:VALUE/],
    ['externalIPs=1.2.3', /kubectl explain/],
    ['targetPort=70000', /kubectl explain/],
    ['targetPort=Not_A_Name', /kubectl explain/],
    ['loadBalancerSourceRanges=10.0.0.0/8', /kubectl explain/],
    ['loadBalancerSourceRanges=ten', /10\.0\.0\.0\/8/],
  ]
  for (const [word, hint] of cases) {
    assert.throws(
      () => whatIf(nodePort, word),
      (error) => isFairleadError(error, 'USAGE') && hint.test(error.hint ?? ''),
      word,
    )
  }
})

test('a type that does not go with the rest of the Service is refused, as the API does', () => {
  const cases: readonly (readonly [ServiceWords, string, RegExp])[] = [
    [{ name: 'web', clusterIP: 'None', clusterIPs: ['None'] }, 'type=NodePort', /spec\.clusterIPs\[0\].*None/],
    [{ name: 'web', type: 'ExternalName', externalName: 'a.example', ports: [] }, 'type=ClusterIP', /spec\.ports/],
  ]
  for (const [words, change, message] of cases) {
    assert.throws(
      () => whatIf(words, change),
      (error) => isFairleadError(error, 'USAGE') && message.test(error.message),
      change,
    )
  }
})

test('source ranges: the load balancer keeps strangers out', () => {
  const balancer: ServiceWords = { ...nodePort, type: 'LoadBalancer', ingress: ['203.0.113.100'] }
  const told = whatIf(balancer, 'loadBalancerSourceRanges=10.0.0.0/8')
  const internet = told.loses.find(({ client, address }) => client === 'internet' && address === 'load balancer')
  assert.match(internet?.cause ?? '', /lets only 10\.0\.0\.0\/8 to 203\.0\.113\.100, and 198\.51\.100\.2 is not among/)
  const open = whatIf(
    { ...balancer, loadBalancerSourceRanges: ['10.0.0.0/8'] },
    'loadBalancerSourceRanges=198.51.100.0/24',
  )
  assert.ok(open.gains.some(({ client, address }) => client === 'internet' && address === 'load balancer'))
})

test('network: pods become the backends, and see the client; the way back says the opposite', () => {
  const balancer: ServiceWords = { ...nodePort, type: 'LoadBalancer', ingress: ['203.0.113.100'] }
  const there = whatIf(balancer, 'network=terway-eniip')
  assert.deepEqual(there.changes, ['network: flannel -> terway-eniip'])
  assert.deepEqual(there.quota, { before: 3, after: 3 }, 'as many nodes as pods')
  const seen = there.sources.find(({ client, address }) => client === 'internet' && address === 'load balancer')
  assert.deepEqual(seen?.after, ['its own'])
  assert.ok(seen?.before.every((text) => text.startsWith('that of node-')))
  assert.match(there.notes.join(), /chosen when it is made/)

  const atlas = testWorld({ services: [{ ...balancer, externalTrafficPolicy: 'Local' }], pods: PODS, around })
  const service = atlas.objects.services.find((one) => nameOf(one) === 'default/web')!
  const local = fork(atlas, service, ['network=terway-eniip'])
  assert.deepEqual(forecast(local).quota, { before: 2, after: 3 })
  const outsiders = forecast(local).loses.map(({ client, address }) => `${client} ${address}`)
  assert.ok(outsiders.includes('a pod on node-3 load balancer'), outsiders.join('\n'))
  assert.ok(!outsiders.includes('node-3 load balancer'), outsiders.join('\n'))
  const back = forecast(fork(local.after, local.service, ['network=flannel']))
  assert.deepEqual(back.quota, { before: 3, after: 2 })
  assert.ok(back.gains.some(({ client, address }) => `${client} ${address}` === 'a pod on node-3 load balancer'))
})

test('a network that is none is refused', () => {
  assert.throws(
    () => whatIf(nodePort, 'network=calico'),
    (error) => isFairleadError(error, 'USAGE') && /flannel or terway-eniip/.test(error.hint ?? ''),
  )
})

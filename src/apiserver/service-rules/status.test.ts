import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { TestBench } from '../test-bench.ts'
import { type Cause, causesOf, create, openDualStack, remove, SERVICES } from './service-rules.test-kit.ts'

const AT = 'status.loadBalancer.ingress[0]'
const NO_IP = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'
const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"

const RULES: readonly (readonly [name: string, ingress: object, causes: readonly Cause[]])[] = [
  ['no address', { ip: 'x' }, [['Invalid', `${AT}.ip`, `Invalid value: "x": ${NO_IP}`]]],
  [
    'leading zeros',
    { ip: '203.0.113.07' },
    [['Invalid', `${AT}.ip`, 'Invalid value: "203.0.113.07": must not have leading 0s']],
  ],
  [
    'an unknown mode',
    { ip: '203.0.113.7', ipMode: 'Odd' },
    [['NotSupported', `${AT}.ipMode`, 'Unsupported value: "Odd": supported values: "Proxy", "VIP"']],
  ],
  [
    'a mode of no address',
    { hostname: 'a.b', ipMode: 'VIP' },
    [['Forbidden', `${AT}.ipMode`, 'Forbidden: may not be specified when `ip` is not set']],
  ],
  ['no host name', { hostname: 'A_b' }, [['Invalid', `${AT}.hostname`, `Invalid value: "A_b": ${SUBDOMAIN}`]]],
  [
    'an address for a name',
    { hostname: '203.0.113.7' },
    [['Invalid', `${AT}.hostname`, 'Invalid value: "203.0.113.7": must be a DNS name, not an IP address']],
  ],
]

describe('the status of a Service', () => {
  let bench: TestBench
  before(async () => {
    bench = await openDualStack()
  })
  after(() => bench[Symbol.asyncDispose]())

  const write = (ingress: readonly object[]) =>
    bench.call(
      'PATCH',
      `${SERVICES}/web/status`,
      { status: { loadBalancer: { ingress } } },
      'application/merge-patch+json',
    )

  it('is refused, each with its reason', async () => {
    await create(bench, { type: 'LoadBalancer' })
    for (const [name, ingress, causes] of RULES) assert.deepEqual(causesOf(await write([ingress])), causes, name)
    await remove(bench)
  })

  it('has addresses of load balancers only', async () => {
    await create(bench, { type: 'NodePort' })
    assert.deepEqual(causesOf(await write([{ ip: '203.0.113.7' }])), [
      ['Forbidden', 'status.loadBalancer.ingress', "Forbidden: may only be used when `spec.type` is 'LoadBalancer'"],
    ])
    await remove(bench)
  })

  it('says of an address that it is a VIP, unless told otherwise', async () => {
    await create(bench, { type: 'LoadBalancer' })
    const written = await write([{ ip: '203.0.113.7' }, { ip: '203.0.113.8', ipMode: 'Proxy' }, { hostname: 'a.b' }])
    assert.deepEqual(written.body.status.loadBalancer.ingress, [
      { ip: '203.0.113.7', ipMode: 'VIP' },
      { ip: '203.0.113.8', ipMode: 'Proxy' },
      { hostname: 'a.b' },
    ])
    await remove(bench)
  })

  it('is not the user’s: creating and replacing leave it alone, and writing it leaves the rest alone', async () => {
    const made = await bench.call('POST', SERVICES, {
      metadata: { name: 'web' },
      spec: { type: 'LoadBalancer', ports: [{ port: 80 }] },
      status: { loadBalancer: { ingress: [{ ip: '203.0.113.7' }] } },
    })
    assert.deepEqual(made.body.status, { loadBalancer: {} })
    const body = { ...made.body, spec: { type: 'Odd' }, status: { loadBalancer: { ingress: [{ hostname: 'a.b' }] } } }
    const status = await bench.call('PUT', `${SERVICES}/web/status`, body)
    assert.deepEqual(status.body.spec, made.body.spec)
    const replaced = await bench.call('PUT', `${SERVICES}/web`, { ...status.body, status: {} })
    assert.deepEqual(replaced.body.status, { loadBalancer: { ingress: [{ hostname: 'a.b' }] } })
    await remove(bench)
  })
})

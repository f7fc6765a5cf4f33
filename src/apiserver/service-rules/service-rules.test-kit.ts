/** For tests: Services written to an API server of their own, on a cluster of two families, and what it says of them. */

import assert from 'node:assert/strict'
import type { Service, ServicePort, ServiceSpec } from '../../kube/types/core.ts'
import { openTestBench, type TestBench } from '../test-bench.ts'

export const SERVICES = '/api/v1/namespaces/default/services'
export const PORTS = [{ port: 80 }]

/** Reason (without `FieldValue`), field and message of a cause. */
export type Cause = readonly [reason: string, field: string, message: string]

/** A Service as the server shows it. Tests look at the fields that it fills in, of which a Service may lack any. */
export interface ShownService extends Service {
  readonly spec: Required<Omit<ServiceSpec, 'ports'>> & {
    readonly ports: readonly Required<ServicePort>[]
    readonly [field: string]: unknown
  }
}

/** A rule by an example that breaks it: the spec of a Service `web` (with `PORTS` where it says none), and the causes. */
export type CreateRule = readonly [name: string, spec: object, causes: readonly Cause[]]

/** A rule for changes: what is there, what is written over it, and the causes. */
export type UpdateRule = readonly [name: string, old: object, change: object, causes: readonly Cause[]]

/** A server whose cluster has two families, addresses 10.96.0.0/16 and fd00:10:96::/112, the first by default. */
export async function openDualStack(): Promise<TestBench> {
  return await openTestBench({
    bootstrap: {
      advertise: { address: '192.168.0.2', port: 6443 },
      serviceCidrs: ['10.96.0.0/16', 'fd00:10:96::/112'],
      kubernetesIp: '10.96.0.1',
    },
  })
}

export function manifest(spec: object, metadata: object = {}): object {
  return { metadata: { name: 'web', ...metadata }, spec: { ports: PORTS, ...spec } }
}

/** Each must be refused with exactly these causes, in this order, and leave nothing. */
export async function checkCreateRules(bench: TestBench, rules: readonly CreateRule[]): Promise<void> {
  for (const [name, spec, causes] of rules) {
    const answer = await bench.call('POST', SERVICES, manifest(spec))
    assert.deepEqual(causesOf(answer), causes, name)
    assert.equal(answer.status, 422, name)
    assert.equal((await bench.call('GET', `${SERVICES}/web`)).status, 404, name)
  }
}

/** Each must be refused with exactly these causes, in this order, and change nothing. */
export async function checkUpdateRules(bench: TestBench, rules: readonly UpdateRule[]): Promise<void> {
  for (const [name, old, change, causes] of rules) {
    const stored = await create(bench, old)
    const answer = await bench.call('PUT', `${SERVICES}/web`, { ...stored, spec: { ...stored.spec, ...change } })
    assert.deepEqual(causesOf(answer), causes, name)
    assert.deepEqual((await bench.call('GET', `${SERVICES}/web`)).body, stored, name)
    await remove(bench)
  }
}

/** Creates the Service `web`. */
export async function create(bench: TestBench, spec: object, metadata: object = {}): Promise<ShownService> {
  const answer = await bench.call('POST', SERVICES, manifest(spec, metadata))
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  return answer.body
}

/** Writes `web` with this spec alone, as a client that knows nothing of what was allocated. */
export async function replace(bench: TestBench, spec: object): Promise<ShownService> {
  const answer = await bench.call('PUT', `${SERVICES}/web`, manifest(spec))
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  return answer.body
}

/** Changes fields of `web`; null takes one away. */
export async function change(bench: TestBench, spec: object): Promise<ShownService> {
  const answer = await bench.call('PATCH', `${SERVICES}/web`, { spec }, 'application/merge-patch+json')
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  return answer.body
}

export async function remove(bench: TestBench): Promise<void> {
  assert.equal((await bench.call('DELETE', `${SERVICES}/web`)).status, 200)
}

/** The causes of a refusal; the message must say the same. */
export function causesOf({ body }: Awaited<ReturnType<TestBench['call']>>): readonly Cause[] {
  const causes: readonly { reason: string; field: string; message: string }[] = body.details?.causes ?? []
  const texts = [...new Set(causes.map(({ field, message }) => `${field}: ${message}`))]
  const said = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`
  if (causes.length > 0) assert.equal(body.message, `Service "web" is invalid: ${said}`)
  return causes.map(({ reason, field, message }) => [reason.replace('FieldValue', ''), field, message])
}

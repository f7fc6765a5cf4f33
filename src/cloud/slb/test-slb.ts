import assert from 'node:assert/strict'
import { INSTANCES } from '../ecs/model.ts'
import { openTestCloud, type TestCloud, type TestCloudOptions } from '../test-cloud.ts'
import { createSlbProduct } from './slb-product.ts'

/** A cloud with SLB, and its client. */
export interface TestSlb extends AsyncDisposable {
  readonly cloud: TestCloud
  ask<Answer = Record<string, unknown>>(action: string, parameters?: object): Promise<Answer>
  /** Makes an instance of the internet; its id. */
  create(parameters?: object): Promise<string>
  /** Id of a machine, by its name. */
  machine(name: string): string
}

export async function openTestSlb(options: TestCloudOptions = {}): Promise<TestSlb> {
  const cloud = await openTestCloud({ ...options, products: [createSlbProduct(() => undefined)] })
  const client = cloud.client('2014-05-15')
  const ask = <Answer>(action: string, parameters: object = {}) =>
    client.request<Answer>(action, parameters, { method: 'POST' })
  return {
    cloud,
    ask,
    async create(parameters = {}) {
      const answer = await ask<{ LoadBalancerId: string }>('CreateLoadBalancer', {
        LoadBalancerSpec: 'slb.s1.small',
        ...parameters,
      })
      return answer.LoadBalancerId
    },
    machine: (name) => cloud.state.list(INSTANCES).find((instance) => instance.name === name)?.id ?? assert.fail(name),
    [Symbol.asyncDispose]: () => cloud[Symbol.asyncDispose](),
  }
}

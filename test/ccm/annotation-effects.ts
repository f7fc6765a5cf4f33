/** Annotations by what they do to packets: a Service for each effect, all reconciled at once, then looked at one by one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { issueSelfSigned } from '../../src/cloud/self-signed-certificate.ts'
import { type MachineName, missingHaproxy, type TrafficBench } from './traffic-bench.ts'

/** A Service as it was made. */
export interface Made {
  readonly name: string
  readonly nodePort: number
}

/** Where it is found. */
export interface Place extends Made {
  /** Of its instance. */
  readonly id: string
  /** Why it is not reconciled. */
  readonly failure: string | undefined
}

export interface Effect<P extends Place> {
  readonly set: Readonly<Record<string, string>>
  /** Of the first listener. @default 'tcp' */
  readonly protocol?: string
  /** Machines that endpoints are on. @default one on each */
  readonly endpoints?: readonly MachineName[]
  /** Puts servers at the node port. @default those of the bench that speak the protocol */
  readonly serve?: (nodePort: number) => void
  /** Before the Service is reconciled; more annotations. */
  readonly prepare?: () => Promise<Record<string, string>>
  /** What the cloud refuses it with. */
  readonly refusal?: RegExp
  readonly look: (place: P) => Promise<void>
}

/** Each row's effects, by the row's suffix; a text says why there is none. */
export type EffectTable<E> = Readonly<Record<string, E | readonly E[] | string>>

export const skip = missingHaproxy()

export const onlyIn = (effect: string) => `no packet differs: ${effect}`

export class AnnotationEffects<P extends Place, E extends Effect<P>> {
  /** Of things that annotations name as `$name`. */
  readonly ids: Record<string, string> = {}
  readonly #table: EffectTable<E>
  readonly #sourceRanges: E
  readonly #places = new Map<E, P>()

  /** @param sourceRanges The effect of the Service's own `loadBalancerSourceRanges`. */
  constructor(table: EffectTable<E>, sourceRanges: E) {
    this.#table = table
    this.#sourceRanges = sourceRanges
  }

  /** Two nodes, a pod behind them, and two certificates. */
  async open(on: TrafficBench): Promise<void> {
    await on.ccm.addNode('node-1')
    await on.ccm.addNode('node-2', { labels: { pool: 'b' }, spec: { unschedulable: true } })
    for (const name of ['www', 'shop']) {
      const { certificatePem, privateKeyPem } = await issueSelfSigned(`${name}.example.com`)
      const upload = { ServerCertificate: certificatePem, PrivateKey: privateKeyPem }
      const answer = await on.ccm.ask<{ ServerCertificateId: string }>('UploadServerCertificate', upload)
      this.ids[name] = answer.ServerCertificateId
    }
    this.ids['vsw-a'] = on.ccm.cloud.vSwitch('zone-a')
    this.ids['vsw-b'] = on.ccm.cloud.vSwitch('zone-b')
    await on.addPod(30, 8080)
  }

  /** The annotations of an effect with the ids that they name. */
  async annotations({ set, prepare }: E): Promise<Record<string, string>> {
    const given = { ...set, ...(await prepare?.()) }
    const filled = (text: string) =>
      text.replaceAll(/\$([\w-]+)/g, (_, id: string) => this.ids[id] ?? assert.fail(`there is no ${id}`))
    return Object.fromEntries(Object.entries(given).map(([key, value]) => [key, filled(value)]))
  }

  /** Makes a Service for each effect, and reconciles them. @param find Its addresses, by the id of its instance. */
  async make(on: TrafficBench, add: (effect: E) => Promise<Made>, find: (place: Place) => Promise<P>): Promise<void> {
    const effects = [...Object.keys(this.#table).flatMap((suffix) => this.#effectsOf(suffix)), this.#sourceRanges]
    const made = await Promise.all(effects.map(async (effect) => [effect, await add(effect)] as const))
    const failures = await on.ccm.syncAll(made.map(([, { name }]) => name))
    for (const [effect, service] of made) {
      const id = (await on.ccm.service(service.name)).metadata.labels?.['service.k8s.alibaba/loadbalancer-id'] ?? ''
      this.#places.set(effect, await find({ ...service, id, failure: failures.get(service.name) }))
    }
    await on.carry()
  }

  placeOf(effect: E): P {
    return this.#places.get(effect) ?? assert.fail('there is no such Service')
  }

  /** @param suffixes Of all rows of the parser's tables. */
  test(suffixes: Iterable<string>): void {
    test('every annotation of the tables has its effect here, or a word why it has none', () => {
      assert.deepEqual(Object.keys(this.#table).sort(), [...new Set(suffixes)].sort())
    })
    for (const suffix of Object.keys(this.#table)) {
      for (const effect of this.#effectsOf(suffix)) {
        this.#test(`${suffix} by packets: ${JSON.stringify(effect.set)} of ${effect.protocol ?? 'tcp'}`, effect)
      }
    }
    const ranges = 'spec.loadBalancerSourceRanges by packets: who is of another range is kept out'
    this.#test(ranges, this.#sourceRanges)
  }

  #test(title: string, effect: E): void {
    test(title, { skip, timeout: 60_000 }, async () => {
      const place = this.placeOf(effect)
      if (effect.refusal === undefined) assert.equal(place.failure, undefined)
      else assert.match(place.failure ?? '', effect.refusal)
      await effect.look(place)
    })
  }

  #effectsOf(suffix: string): readonly E[] {
    const found = this.#table[suffix] ?? 'none'
    return typeof found === 'string' ? [] : ([found].flat() as E[])
  }
}

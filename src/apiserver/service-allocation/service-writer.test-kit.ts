import { systemClock } from '../../base/clock.ts'
import type { Draft } from '../../kube/kind.ts'
import { serviceKind } from '../../kube/kinds/service.ts'
import { services } from '../../kube/resource.ts'
import type { Service, ServiceSpec } from '../../kube/types/core.ts'
import { fieldErrorText } from '../../kube/validation/field-error.ts'
import type { Operation, Store } from '../../store/store.ts'
import type { Random } from '../context.ts'
import { freshObject } from '../decoded.ts'
import { encodeObject } from '../object-bytes.ts'
import { objectKey, objectPrefix } from '../object-key.ts'
import { planServiceWrite, type ServiceAllocationConfig } from './plan.ts'

/** A Service's spec as a user writes it. */
export type SpecInput = Partial<ServiceSpec> | Draft

export type WriteOutcome = { readonly service: Service | undefined } | { readonly refused: readonly string[] }

/** Writes Services as the API server does: default, plan, prepare, validate, commit, and again when a compare is lost. */
export class ServiceWriter {
  readonly store: Store
  readonly #config: ServiceAllocationConfig
  readonly #random: Random

  constructor(store: Store, config: ServiceAllocationConfig, random: Random) {
    this.store = store
    this.#config = config
    this.#random = random
  }

  /** Creates, or changes: `change` gets what is stored (nothing on creation) and returns the spec to write. */
  async write(name: string, change: (old: ServiceSpec | undefined) => SpecInput): Promise<WriteOutcome> {
    const key = objectKey(services, 'default', name)
    for (;;) {
      const entry = this.store.get(key)
      const old = entry && (freshObject(entry) as Service)
      const draft = this.#draft(name, change(structuredClone(old?.spec)), old)
      serviceKind.default?.(draft)
      const planned = this.#plan(old === undefined ? 'create' : 'update', draft as unknown as Service, old)
      if (planned.kind === 'refused') return { refused: planned.errors.map(fieldErrorText) }
      if (planned.kind === 'failed') return { refused: [planned.error.message] }
      const settled = planned.plan.draft as unknown as Draft
      serviceKind.prepare?.(settled, old)
      const errors = serviceKind.validate?.(planned.plan.draft, old) ?? []
      if (errors.length > 0) return { refused: errors.map(fieldErrorText) }
      const value = encodeObject(settled)
      const main = { type: 'put', key, value } as const
      if (await this.#commit(main, entry?.modRevision ?? 0, planned.plan)) return { service: this.get(name) }
    }
  }

  async create(name: string, spec: SpecInput): Promise<WriteOutcome> {
    return await this.write(name, () => spec)
  }

  async remove(name: string): Promise<void> {
    const key = objectKey(services, 'default', name)
    for (;;) {
      const entry = this.store.get(key)
      if (entry === undefined) return
      const old = freshObject(entry) as Service
      const planned = this.#plan('delete', old, old)
      if (planned.kind !== 'plan') return
      if (await this.#commit({ type: 'delete', key }, entry.modRevision, planned.plan)) return
    }
  }

  get(name: string): Service | undefined {
    const entry = this.store.get(objectKey(services, 'default', name))
    return entry && (freshObject(entry) as Service)
  }

  all(): readonly Service[] {
    return this.store.list(objectPrefix(services)).entries.map((entry) => freshObject(entry) as Service)
  }

  /** What is taken: addresses and ports with the name of the Service that has them. */
  taken(): { readonly addresses: Record<string, string>; readonly ports: Record<string, string> } {
    const last = (key: string) => key.split('/').at(-1) ?? ''
    const addresses = this.store.list('/registry/networking.k8s.io/ipaddresses/').entries.map((entry) => {
      const { spec } = freshObject(entry) as unknown as { spec: { parentRef: { name: string } } }
      return [last(entry.key), spec.parentRef.name]
    })
    const ports = this.store.list('/registry/fairlead/nodeports/').entries.map((entry) => {
      return [last(entry.key), JSON.parse(Buffer.from(entry.value).toString()).name]
    })
    return { addresses: Object.fromEntries(addresses), ports: Object.fromEntries(ports) }
  }

  #draft(name: string, spec: SpecInput, old: Service | undefined): Draft {
    const metadata = { name, namespace: 'default', uid: old?.metadata.uid ?? this.#random.uuid() }
    return { kind: 'Service', apiVersion: 'v1', metadata, spec: structuredClone(spec) }
  }

  #plan(operation: 'create' | 'update' | 'delete', object: Service, old: Service | undefined) {
    const [store, config, random] = [this.store, this.#config, this.#random]
    return planServiceWrite({ operation, object, old, store, config, random, clock: systemClock })
  }

  async #commit(
    main: Operation,
    modRevision: number,
    {
      compares,
      operations,
    }: { compares: readonly { key: string; modRevision: number }[]; operations: readonly Operation[] },
  ): Promise<boolean> {
    const result = await this.store.transact([{ key: main.key, modRevision }, ...compares], [main, ...operations])
    return result.committed
  }
}

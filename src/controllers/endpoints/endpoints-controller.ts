import { isAlreadyExists } from '../../kube/api-error.ts'
import { TRIGGER_TIME_ANNOTATION } from '../../kube/endpoint-slice.ts'
import type { Informer } from '../../kube/informer.ts'
import { keyOf, parseKey } from '../../kube/object-key.ts'
import { endpoints, pods, services } from '../../kube/resource.ts'
import type { Endpoints, Pod, Service } from '../../kube/types/core.ts'
import { WorkQueue } from '../../kube/work-queue.ts'
import { runWorkers } from '../../kube/workers.ts'
import { sameJson } from '../canonical-json.ts'
import { type Controller, type ControllerContext, WORKERS } from '../controller.ts'
import { TriggerTimes } from '../endpointslice/trigger-time.ts'
import { isNamespaceTerminating } from '../namespace-terminating.ts'
import { OwnWrites } from '../own-writes.ts'
import { followSelectedPods, selectedPods } from '../selected-pods.ts'
import { hasSelector } from '../service-pods.ts'
import { endpointsFor } from './endpoints-for.ts'

/** Object of Endpoints that a leader election uses as its lock: never touched. */
const LEADER_ANNOTATION = 'control-plane.alpha.kubernetes.io/leader'

/** Writes the legacy Endpoints object of every Service with a selector, and removes it with the Service. */
export class EndpointsController implements Controller {
  readonly #context: ControllerContext
  readonly #services: Informer<Service>
  readonly #pods: Informer<Pod>
  readonly #endpoints: Informer<Endpoints>
  readonly #written: OwnWrites<Endpoints>
  readonly #triggers = new TriggerTimes()
  readonly #queue: WorkQueue

  constructor(context: ControllerContext) {
    this.#context = context
    this.#queue = new WorkQueue({ clock: context.clock })
    this.#services = context.informers.for(services)
    this.#pods = context.informers.for(pods)
    this.#endpoints = context.informers.for(endpoints)
    this.#written = new OwnWrites(this.#endpoints)
    const add = (object: Service | Endpoints) => this.#queue.add(keyOf(object))
    this.#services.on({ added: add, updated: add, deleted: add })
    this.#endpoints.on({ deleted: add, updated: (object) => this.#isOthers(object) || add(object) })
    followSelectedPods({ services: this.#services, pods: this.#pods }, add)
  }

  async run(signal: AbortSignal): Promise<void> {
    // What a Service left behind that went while nobody looked.
    for (const object of this.#endpoints.list()) this.#queue.add(keyOf(object))
    const reconcile = (key: string) => this.#reconcile(key)
    await runWorkers({ queue: this.#queue, workers: WORKERS, reconcile, log: this.#context.log, signal })
  }

  /** Of no Service: somebody's own, which only a start takes for what a Service left behind. */
  #isOthers(object: Endpoints): boolean {
    return this.#written.isEcho(object) || this.#services.get(keyOf(object)) === undefined
  }

  async #reconcile(key: string): Promise<void> {
    const service = this.#services.get(key)
    const [known] = this.#written.view([this.#endpoints.get(key)].filter(isThere), (object) => keyOf(object) === key)
    if (service === undefined) return this.#remove(key, known)
    if (!hasSelector(service) || service.metadata.deletionTimestamp !== undefined) return
    const selected = selectedPods(this.#pods, service)
    const triggerTime = this.#triggers.next(service, selected)
    const wanted = endpointsFor(service, selected, known)
    if (known !== undefined && isSame(known, wanted)) return
    await this.#write(known, withTriggerTime(wanted, triggerTime))
  }

  async #write(known: Endpoints | undefined, wanted: Endpoints): Promise<void> {
    const { client } = this.#context
    try {
      const write = known === undefined ? client.create(endpoints, wanted) : client.update(endpoints, wanted)
      this.#written.wrote(await write)
    } catch (error) {
      if (isNamespaceTerminating(error)) return
      if (!isAlreadyExists(error)) throw error
      // The user's own, from before the Service had a selector; the watch will bring it, and it is taken over then.
      const found = await client.find(endpoints, wanted.metadata)
      if (found !== undefined) this.#written.wrote(found)
      this.#queue.add(keyOf(wanted))
    }
  }

  async #remove(key: string, known: Endpoints | undefined): Promise<void> {
    if (known === undefined || known.metadata.annotations?.[LEADER_ANNOTATION] !== undefined) return
    const { namespace = '', name } = parseKey(key)
    this.#triggers.forget({ ...known, metadata: { namespace, name }, spec: {} })
    await this.#written.delete(known, () => this.#context.client.delete(endpoints, known.metadata))
  }
}

function isThere<T>(value: T | undefined): value is T {
  return value !== undefined
}

/** The trigger time alone is no reason to write. */
function isSame(known: Endpoints, wanted: Endpoints): boolean {
  const facts = ({ metadata, subsets = [] }: Endpoints) => {
    const { [TRIGGER_TIME_ANNOTATION]: _time, ...annotations } = metadata.annotations ?? {}
    return [subsets, metadata.labels ?? {}, annotations]
  }
  return sameJson(facts(known), facts(wanted))
}

function withTriggerTime(object: Endpoints, time: string | undefined): Endpoints {
  const { [TRIGGER_TIME_ANNOTATION]: _old, ...rest } = object.metadata.annotations ?? {}
  const annotations = time === undefined ? rest : { ...rest, [TRIGGER_TIME_ANNOTATION]: time }
  return { ...object, metadata: { ...object.metadata, annotations } }
}

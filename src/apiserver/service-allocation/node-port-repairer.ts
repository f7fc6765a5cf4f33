import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { services } from '../../kube/resource.ts'
import type { Service } from '../../kube/types/core.ts'
import type { Compare, Operation, Store } from '../../store/store.ts'
import { decodedObject } from '../decoded.ts'
import { objectKey, objectPrefix } from '../object-key.ts'
import type { NodePortRange } from './allocation-context.ts'
import { type MissingPort, type PortFault, planNodePortRepair, type TakenPort } from './node-port-repair.ts'
import { encodeOwner, NODE_PORTS_PREFIX, nodePortKey } from './node-ports.ts'
import { ownerOf, type ServiceOwner } from './service-owner.ts'

/** As upstream's `--repair-interval`. */
const INTERVAL_MS = 180_000

export interface NodePortRepairOptions {
  readonly store: Store
  readonly nodePorts: NodePortRange
  readonly log: Log
  readonly clock: Pick<Clock, 'after'>
  /** Told of each Service whose ports are not as they should be. */
  report(fault: PortFault): void
}

/**
 * Mends the book of node ports: at once, and every three minutes. Services and their ports are written in one
 * transaction, so there is something to do only after somebody changed the store behind the API server's back.
 */
export class NodePortRepairer implements AsyncDisposable {
  readonly #options: NodePortRepairOptions
  #cancel = () => {}
  #stopped = false
  #running: Promise<void>

  constructor(options: NodePortRepairOptions) {
    this.#options = options
    this.#running = this.#run()
  }

  async #run(): Promise<void> {
    const { log, clock } = this.#options
    try {
      await repairNodePorts(this.#options)
    } catch (err) {
      log.warn({ err }, 'Node ports could not be repaired; trying again later')
    }
    if (this.#stopped) return
    this.#cancel = clock.after(INTERVAL_MS, () => {
      this.#running = this.#run()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    this.#cancel()
    await this.#running
  }
}

/** Writes down ports that Services have, and gives back those that none has. */
export async function repairNodePorts({ store, nodePorts, log, report }: NodePortRepairOptions): Promise<void> {
  const all = store.list(objectPrefix(services)).entries.map((entry) => decodedObject(entry) as Service)
  const { faults, missing, leaked } = planNodePortRepair(all, takenPorts(store), nodePorts)
  for (const fault of faults) report(fault)
  for (const taken of leaked) {
    const back = await store.transact(
      [{ key: taken.entry.key, modRevision: taken.entry.modRevision }, unchanged(taken.owner, all)],
      [{ type: 'delete', key: taken.entry.key }],
    )
    if (back.committed)
      log.warn({ port: taken.port, ...taken.owner }, 'A node port of a Service that does not have it goes')
  }
  for (const each of missing) await writeDown(store, each)
}

async function writeDown(store: Store, { port, service }: MissingPort): Promise<void> {
  const key = nodePortKey(port)
  const owner = ownerOf(service)
  const put: Operation = { type: 'put', key, value: encodeOwner(owner) }
  await store.transact([{ key, modRevision: store.get(key)?.modRevision ?? 0 }, unchanged(owner, [service])], [put])
}

/** That a Service is still as it was when it was looked at: a write of it meanwhile sees to its ports itself. */
function unchanged(owner: ServiceOwner, seen: readonly Service[]): Compare {
  const service = seen.find(({ metadata }) => metadata.namespace === owner.namespace && metadata.name === owner.name)
  const key = objectKey(services, owner.namespace, owner.name)
  return { key, modRevision: Number(service?.metadata.resourceVersion ?? 0) }
}

function takenPorts(store: Store): readonly TakenPort[] {
  return store.list(NODE_PORTS_PREFIX).entries.map((entry) => ({
    port: Number(entry.key.slice(NODE_PORTS_PREFIX.length)),
    owner: JSON.parse(Buffer.from(entry.value).toString()) as ServiceOwner,
    entry,
  }))
}

import { formatTime } from '../../src/base/time.ts'
import { isConflict, isNotFound } from '../../src/kube/api-error.ts'
import type { Client } from '../../src/kube/client.ts'
import type { InformerSet } from '../../src/kube/informers.ts'
import { nodes, pods } from '../../src/kube/resource.ts'
import type { Pod } from '../../src/kube/types/core.ts'

/** Plays the nodes: pods that are bound get an address and become ready, pods that are deleted end. */
export class Kubelets {
  readonly #client: Client
  readonly #pending = new Set<Promise<void>>()
  readonly #started = new Set<string>()
  #nextAddress = 1
  /** Whether pods become ready by themselves. */
  makesReady = true
  /** Whether deleted pods end by themselves. */
  ends = true

  constructor(client: Client, informers: InformerSet) {
    this.#client = client
    informers.for(pods).on({ added: (pod) => this.#see(pod), updated: (pod) => this.#see(pod) })
  }

  setReady(pod: Pod, ready: boolean): Promise<void> {
    const lastTransitionTime = formatTime(Date.now())
    const condition = { type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime }
    return this.#writeStatus(pod, { conditions: [condition] })
  }

  /** Says that the node is alive, as its agent does. */
  heartbeat(name: string): void {
    const lastHeartbeatTime = new Date().toISOString()
    const condition = { type: 'Ready', status: 'True', reason: 'KubeletReady', lastHeartbeatTime }
    const body = { status: { conditions: [condition] } }
    this.#track(ignoreGone(this.#client.patch(nodes, { name }, { type: 'strategic', body }, { subresource: 'status' })))
  }

  /** Lets a deleted pod end. */
  async end(pod: Pod): Promise<void> {
    await ignoreGone(this.#client.delete(pods, pod.metadata, { gracePeriodSeconds: 0 }))
  }

  async settled(): Promise<void> {
    await Promise.all(this.#pending)
  }

  #see(pod: Pod): void {
    const { uid = '', deletionTimestamp } = pod.metadata
    if (pod.spec.nodeName === undefined) return
    if (deletionTimestamp !== undefined) {
      if (this.ends) this.#track(this.end(pod))
      return
    }
    if (this.#started.has(uid)) return
    this.#started.add(uid)
    this.#track(this.#start(pod))
  }

  #start(pod: Pod): Promise<void> {
    const number = this.#nextAddress++
    const ip = `10.244.${number >> 8}.${number & 255}`
    const conditions = [
      { type: 'Ready', status: this.makesReady ? 'True' : 'False', lastTransitionTime: formatTime(Date.now()) },
    ]
    return this.#writeStatus(pod, { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions })
  }

  async #writeStatus(pod: Pod, status: unknown): Promise<void> {
    const write = this.#client.patch(
      pods,
      pod.metadata,
      { type: 'strategic', body: { status } },
      { subresource: 'status' },
    )
    await ignoreGone(write)
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#pending.delete(tracked))
    this.#pending.add(tracked)
  }
}

async function ignoreGone(work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!isNotFound(error) && !isConflict(error)) throw error
  }
}

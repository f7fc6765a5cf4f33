import { setTimeout as sleep } from 'node:timers/promises'
import {
  type KubeConfig,
  type KubernetesListObject,
  type KubernetesObject,
  makeInformer,
} from '@kubernetes/client-node'

function versionOf({ metadata }: KubernetesObject): number {
  return Number(metadata?.resourceVersion)
}

function nameOf({ metadata }: KubernetesObject): string {
  return `${metadata?.namespace}/${metadata?.name}`
}

export interface InformerTarget<T extends KubernetesObject> {
  readonly path: string
  list(): Promise<KubernetesListObject<T>>
}

/** An informer of `@kubernetes/client-node` that is started again whenever it ends, as its documentation says. */
export class FollowedInformer<T extends KubernetesObject> implements AsyncDisposable {
  readonly #informer
  readonly #mirror = new Map<string, number>()
  readonly #stop = new AbortController()
  #away: Promise<void> = Promise.resolve()
  #listVersion = 0
  #newest = 0
  /** Everything that was told: `namespace/name@version`; of a deletion with a minus before it. */
  readonly seen = new Set<string>()
  /** What an informer must not do. */
  readonly problems: string[] = []
  lists = 0

  constructor(config: KubeConfig, { path, list }: InformerTarget<T>) {
    this.#informer = makeInformer<T>(config, path, () => {
      this.lists++
      return this.#listed(list())
    })
    this.#informer.on('add', (object) => this.#came(object, false))
    this.#informer.on('update', (object) => this.#came(object, true))
    this.#informer.on('delete', (object) => this.#went(object))
    this.#informer.on('error', () => void this.#startAgain())
  }

  start(): Promise<void> {
    return this.#informer.start()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#informer.stop()
  }

  /** Keeps it from coming back after the server went. @returns What lets it come back. */
  stayAway(): () => void {
    let comeBack = () => {}
    this.#away = new Promise((resolve) => (comeBack = resolve))
    return comeBack
  }

  /** What it holds: `namespace/name@version`, sorted. */
  held(): string[] {
    return this.#informer.list().map(tag).sort()
  }

  has(name: string): boolean {
    return this.#mirror.has(name)
  }

  async #startAgain(): Promise<void> {
    await this.#away
    await sleep(20)
    if (!this.#stop.signal.aborted) await this.#informer.start()
  }

  #came(object: T, known: boolean): void {
    const name = nameOf(object)
    if (this.#mirror.has(name) !== known) this.problems.push(`${tag(object)} came as ${known ? 'known' : 'new'}`)
    if ((this.#mirror.get(name) ?? 0) >= versionOf(object)) this.problems.push(`${tag(object)} goes back`)
    if (this.seen.has(tag(object))) this.problems.push(`${tag(object)} came twice`)
    this.#mirror.set(name, versionOf(object))
    this.#note(tag(object), versionOf(object))
  }

  #went(object: T): void {
    if (!this.#mirror.delete(nameOf(object))) this.problems.push(`${tag(object)} went twice`)
    this.#note(`-${tag(object)}`, versionOf(object))
  }

  async #listed(listing: Promise<KubernetesListObject<T>>): Promise<KubernetesListObject<T>> {
    const list = await listing
    this.#newest = Number(list.metadata?.resourceVersion)
    this.#listVersion = this.#newest
    return list
  }

  /** What a list tells is in the order of names; what a watch tells is in the order of changes. */
  #note(what: string, version: number): void {
    if (version > this.#listVersion) {
      if (version < this.#newest) this.problems.push(`${what} came after ${this.#newest}`)
      this.#newest = version
    }
    this.seen.add(what)
  }
}

/** `namespace/name@version` */
export function tag(object: KubernetesObject): string {
  return `${nameOf(object)}@${versionOf(object)}`
}

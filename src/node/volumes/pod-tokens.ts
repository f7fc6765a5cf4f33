import type { Clock } from '../../base/clock.ts'
import { FairleadError } from '../../base/error.ts'
import type { Client } from '../../kube/client.ts'
import { serviceAccounts } from '../../kube/resource.ts'
import type { Pod } from '../../kube/types/core.ts'
import type { TokenSource } from './volume.ts'
import { tokenKey, tokenSources } from './volume-files.ts'

interface HeldToken {
  readonly token: string
  /** Milliseconds since the epoch. */
  readonly renewAt: number
}

/** A token is renewed when this share of its time is over, or after a day (upstream pkg/kubelet/token). */
const RENEW_AFTER = 0.8
const RENEW_AT_LATEST_MS = 24 * 3_600_000

/** The tokens of the service accounts of a node's pods. They are good as long as their pod exists. */
export class PodTokens {
  readonly #client: Client
  readonly #clock: Clock
  readonly #held = new Map<string, Map<string, HeldToken>>()

  constructor(client: Client, clock: Clock) {
    this.#client = client
    this.#clock = clock
  }

  /** The tokens that a pod's volumes ask for, by `tokenKey`; those whose time is nearly over are new ones. */
  async tokens(pod: Pod): Promise<ReadonlyMap<string, string>> {
    const sources = new Map(tokenSources(pod).map((source) => [tokenKey(source), source]))
    const entries = [...sources].map(async ([key, source]) => [key, await this.#token(pod, key, source)] as const)
    return new Map(await Promise.all(entries))
  }

  forget(uid: string): void {
    this.#held.delete(uid)
  }

  async #token(pod: Pod, key: string, source: TokenSource): Promise<string> {
    const uid = pod.metadata.uid ?? ''
    const held = this.#held.get(uid)?.get(key)
    if (held !== undefined && this.#clock.now() < held.renewAt) return held.token
    const made = await this.#request(pod, source)
    const all = this.#held.get(uid) ?? new Map<string, HeldToken>()
    this.#held.set(uid, all.set(key, made))
    return made.token
  }

  async #request({ metadata, spec }: Pod, { audience, expirationSeconds = 3600 }: TokenSource): Promise<HeldToken> {
    const name = spec.serviceAccountName || 'default'
    const asked = this.#clock.now()
    const answer = await this.#client.post(
      serviceAccounts,
      { namespace: metadata.namespace ?? 'default', name },
      'token',
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {
          ...(audience === undefined || audience === '' ? {} : { audiences: [audience] }),
          expirationSeconds,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: metadata.name, uid: metadata.uid },
        },
      },
    )
    const { token, expirationTimestamp } = statusOf(answer)
    const lifetime = Date.parse(expirationTimestamp) - asked
    return { token, renewAt: asked + Math.min(lifetime * RENEW_AFTER, RENEW_AT_LATEST_MS) }
  }
}

function statusOf(answer: unknown): { token: string; expirationTimestamp: string } {
  const status = isObject(answer) ? answer.status : undefined
  if (isObject(status) && typeof status.token === 'string' && typeof status.expirationTimestamp === 'string') {
    return { token: status.token, expirationTimestamp: status.expirationTimestamp }
  }
  throw new FairleadError('API_REFUSED', 'Asked for a token of a service account and got an answer without one')
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

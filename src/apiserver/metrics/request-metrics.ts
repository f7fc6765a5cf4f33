import type { HandleRequest } from '../handler.ts'
import type { KindTable } from '../kind-table.ts'
import type { ApiRequest, ApiResponse } from '../request.ts'
import { attributesOf } from '../request-attributes.ts'
import { targetOf } from '../request-target.ts'
import type { Family, Labels, Sample } from './exposition.ts'

/** Seconds; those of kube-apiserver. */
const BUCKETS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60]
const READING = new Set(['GET', 'HEAD', 'OPTIONS'])
const CONNECTING = new Set(['exec', 'attach', 'portforward', 'proxy', 'log'])
const METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'])
const APPLY_TYPES = ['application/apply-patch']

/** One kind of request: who asks for what, how. */
interface Series {
  readonly labels: Labels
  readonly byCode: Map<number, number>
  /** How many took at most the seconds of each bucket and more than those of the one before; the last: longer. */
  readonly buckets: number[]
  seconds: number
  /** In work now, of requests that last. */
  running: number
  readonly lasting: boolean
}

/**
 * Counts requests under kube-apiserver's names (`staging/src/k8s.io/apiserver/pkg/endpoints/metrics/metrics.go`). What
 * nobody serves is counted without a resource, so that strangers cannot make series by asking for odd paths.
 */
export class RequestMetrics {
  readonly #kinds: KindTable
  readonly #series = new Map<string, Series>()
  readonly #inflight = { mutating: 0, readOnly: 0 }

  constructor(kinds: KindTable) {
    this.#kinds = kinds
  }

  /** The same handling, counted. */
  measure(handle: HandleRequest): HandleRequest {
    return async (request) => {
      const series = this.#seriesOf(request)
      const lane = READING.has(request.method) ? 'readOnly' : 'mutating'
      if (series.lasting) series.running++
      else this.#inflight[lane]++
      const started = performance.now()
      const response = await handle(request)
      const done = () => {
        if (series.lasting) series.running--
        else this.#inflight[lane]--
        count(series, response.status, (performance.now() - started) / 1000)
      }
      return atItsEnd(response, request, done)
    }
  }

  families(): readonly Family[] {
    const all = [...this.#series.values()]
    return [
      {
        name: 'apiserver_request_total',
        help: 'Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.',
        type: 'counter',
        samples: all.flatMap(({ labels, byCode }) =>
          [...byCode].map(([code, value]): Sample => ({ labels: [['code', String(code)], ...labels], value })),
        ),
      },
      {
        name: 'apiserver_request_duration_seconds',
        help: 'Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.',
        type: 'histogram',
        samples: all.filter(({ lasting }) => !lasting).flatMap(histogram),
      },
      {
        name: 'apiserver_current_inflight_requests',
        help: 'Maximal number of currently used inflight request limit of this apiserver per request kind in last second.',
        type: 'gauge',
        samples: (['mutating', 'readOnly'] as const).map((kind) => ({
          labels: [['request_kind', kind]],
          value: this.#inflight[kind],
        })),
      },
      {
        name: 'apiserver_longrunning_requests',
        help: 'Gauge of all active long-running apiserver requests broken out by verb, group, version, resource, scope and component. Not all requests are tracked this way.',
        type: 'gauge',
        samples: all
          .filter(({ lasting }) => lasting)
          .map(({ labels, running }) => ({ labels: labels.filter(([name]) => name !== 'dry_run'), value: running })),
      },
    ]
  }

  #seriesOf(request: ApiRequest): Series {
    const named = namesOf(this.#kinds, request)
    const { verb, dry, scope } = named
    const key = `${verb}\n${dry}\n${scope}\n${named.path.join('\n')}`
    const known = this.#series.get(key)
    if (known !== undefined) return known
    const made: Series = {
      labels: labelsOf(named),
      byCode: new Map(),
      buckets: new Array(BUCKETS.length + 1).fill(0),
      seconds: 0,
      running: 0,
      lasting: verb === 'WATCH' || verb === 'CONNECT',
    }
    this.#series.set(key, made)
    return made
  }
}

function namesOf(kinds: KindTable, { method, url, headers }: ApiRequest): Named {
  const { path, query, route } = targetOf(url)
  const { verb } = attributesOf(route, path, { method, query })
  const known = route.kind === 'resource' ? kinds.find(route.group, route.version, route.plural) : undefined
  if (route.kind !== 'resource' || known === undefined) {
    return { verb: METHODS.has(method) ? method : 'OTHER', dry: '', path: ['', '', '', ''], scope: '' }
  }
  const { group, version, plural, subresource = '', name, namespace } = route
  const parts = known.subresources?.some((each) => each === subresource) === true ? subresource : ''
  const scope = name !== undefined || method === 'POST' ? 'resource' : namespace !== undefined ? 'namespace' : 'cluster'
  return {
    verb: CONNECTING.has(parts) ? 'CONNECT' : canonicalVerb(verb, method, headers['content-type']),
    dry: query.get('dryRun') === 'All' ? 'All' : '',
    path: [group, version, plural, parts],
    scope,
  }
}

interface Named {
  readonly verb: string
  readonly dry: string
  readonly path: readonly [group: string, version: string, resource: string, subresource: string]
  readonly scope: string
}

function labelsOf({ verb, dry, path: [group, version, resource, subresource], scope }: Named): Labels {
  return [
    ['component', 'apiserver'],
    ['dry_run', dry],
    ['group', group],
    ['resource', resource],
    ['scope', scope],
    ['subresource', subresource],
    ['verb', verb],
    ['version', version],
  ]
}

function canonicalVerb(verb: string, method: string, contentType: string | undefined): string {
  if (verb === 'list' || verb === 'watch') return verb.toUpperCase()
  if (verb === 'deletecollection') return 'DELETECOLLECTION'
  if (method === 'PATCH' && APPLY_TYPES.some((type) => contentType?.startsWith(type))) return 'APPLY'
  return METHODS.has(method) ? method : 'OTHER'
}

function count(series: Series, code: number, seconds: number): void {
  series.byCode.set(code, (series.byCode.get(code) ?? 0) + 1)
  series.seconds += seconds
  const index = BUCKETS.findIndex((limit) => seconds <= limit)
  const at = index < 0 ? BUCKETS.length : index
  series.buckets[at] = (series.buckets[at] ?? 0) + 1
}

function histogram({ labels, buckets, seconds }: Series): readonly Sample[] {
  let sum = 0
  const cumulative = buckets.map((each, index): Sample => {
    sum += each
    const limit = BUCKETS[index]
    return {
      suffix: '_bucket',
      labels: [...labels, ['le', limit === undefined ? '+Inf' : String(limit)]],
      value: sum,
    }
  })
  return [...cumulative, { suffix: '_sum', labels, value: seconds }, { suffix: '_count', labels, value: sum }]
}

/** Calls back when all of an answer has been handed over, or nobody wants it any more. */
function atItsEnd(response: ApiResponse, request: ApiRequest, done: () => void): ApiResponse {
  const { body } = response
  if (response.takeOver !== undefined || body instanceof Uint8Array || request.signal.aborted) {
    done()
    return response
  }
  const { signal } = request
  let ended = false
  const end = () => {
    if (ended) return
    ended = true
    signal.removeEventListener('abort', end)
    done()
  }
  signal.addEventListener('abort', end, { once: true })
  return { ...response, body: untilEnd(body, end) }
}

async function* untilEnd(body: AsyncIterable<Uint8Array>, end: () => void): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* body
  } finally {
    end()
  }
}

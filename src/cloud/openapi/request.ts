/** A request to the cloud's API as it came. */
export interface ApiRequest {
  readonly method: string
  /** Without the query: `/` in RPC style. */
  readonly path: string
  readonly query: ReadonlyMap<string, string>
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

/** Parameters of query and body together; the body's win. */
export function parametersOf(request: ApiRequest): Map<string, string> {
  return new Map([...request.query, ...bodyParameters(request)])
}

function bodyParameters({ headers, body }: ApiRequest): Iterable<[string, string]> {
  if (body.length === 0) return []
  const type = headers.get('content-type') ?? ''
  if (type.startsWith('application/json')) return flatten(parseObject(body))
  return new URLSearchParams(body.toString('utf8'))
}

function parseObject(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

/** `{ Tag: [{ Key: 'a' }] }` as `Tag.1.Key=a`. */
function flatten(value: unknown, prefix = ''): [string, string][] {
  if (value === null || value === undefined) return []
  if (typeof value !== 'object') return [[prefix, String(value)]]
  const members = Array.isArray(value) ? value.map((item, i) => [String(i + 1), item] as const) : Object.entries(value)
  return members.flatMap(([name, member]) => flatten(member, prefix === '' ? name : `${prefix}.${name}`))
}

import type { HandleRequest } from './handler.ts'
import type { ApiRequest, ApiResponse } from './request.ts'
import { targetOf } from './request-target.ts'

const JSON_TYPE = 'application/json'
const YAML_TYPE = 'application/yaml'
const READERS = ['curl', 'Wget', 'Mozilla/5.0']

/**
 * Writes answers for people: in YAML for those who accept nothing else, in several lines where `?pretty` or the user
 * agent asks for it, by upstream's rules. Watches stay as they are: an event is a line.
 */
export function writeLegibly(handle: HandleRequest): HandleRequest {
  return async (request) => {
    if (wantsYaml(request))
      return inYaml(await handle({ ...request, headers: { ...request.headers, accept: JSON_TYPE } }))
    const response = await handle(request)
    return isPretty(request) ? indented(response) : response
  }
}

function wantsYaml({ headers: { accept } }: ApiRequest): boolean {
  if (accept === undefined || !accept.includes(YAML_TYPE)) return false
  return accept.split(',').every((range) => range.split(';', 1)[0]?.trim() === YAML_TYPE)
}

async function inYaml(response: ApiResponse): Promise<ApiResponse> {
  const value = jsonOf(response)
  if (value === undefined) return response
  const { stringify } = await import('../base/yaml.ts')
  return {
    ...response,
    headers: { ...response.headers, 'content-type': YAML_TYPE },
    body: Buffer.from(stringify(value)),
  }
}

function isPretty({ url, headers }: ApiRequest): boolean {
  const asked = url.includes('pretty') ? targetOf(url).query.get('pretty') : ''
  if (asked) return ['1', 't', 'T', 'true', 'TRUE', 'True'].includes(asked)
  const agent = headers['user-agent'] ?? ''
  return READERS.some((reader) => agent.startsWith(reader))
}

function indented(response: ApiResponse): ApiResponse {
  const value = jsonOf(response)
  return value === undefined ? response : { ...response, body: Buffer.from(`${JSON.stringify(value, null, 2)}\n`) }
}

/** `undefined`: the answer is no JSON, or has no end yet. */
function jsonOf({ headers, body }: ApiResponse): unknown {
  const type = headers['content-type']
  if (!(body instanceof Uint8Array) || typeof type !== 'string' || !type.startsWith(JSON_TYPE)) return undefined
  return body.byteLength === 0 ? undefined : JSON.parse(Buffer.from(body).toString())
}

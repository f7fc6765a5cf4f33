import type { Answer } from './cloud-api.ts'
import { REQUEST_TIMEOUT_MS, type Requester, type RequesterOptions, userAgent } from './rpc-requester.ts'

/** Asks by ACS3-HMAC-SHA256 signature, with `@alicloud/openapi-core`; lists and objects in parameters are flattened. */
export async function acs3Requester(options: RequesterOptions): Promise<Requester> {
  const { version, accessKeyId, accessKeySecret, securityToken, caPem } = options
  const loaded = await import('@alicloud/openapi-core')
  // Of a CommonJS package bundlers hand on the default alone, which is the whole of it.
  const library = '$OpenApiUtil' in loaded ? loaded : wholeOf<typeof loaded>(loaded)
  const { $OpenApiUtil, OpenApiUtil } = library
  const { protocol, host } = new URL(options.endpoint)
  const config = new $OpenApiUtil.Config({
    endpoint: host,
    protocol: protocol.replace(':', ''),
    accessKeyId,
    accessKeySecret,
    ...(securityToken === undefined ? {} : { securityToken }),
    ...(caPem === undefined ? {} : { ca: caPem }),
    userAgent: userAgent(options),
    readTimeout: REQUEST_TIMEOUT_MS,
    connectTimeout: REQUEST_TIMEOUT_MS,
  })
  const client = new (constructorOf(library.default))(config)
  return async (action, parameters) => {
    const params = new $OpenApiUtil.Params({
      action,
      version,
      pathname: '/',
      method: 'POST',
      authType: 'AK',
      style: 'RPC',
      reqBodyType: 'formData',
      bodyType: 'json',
    })
    const request = new $OpenApiUtil.OpenApiRequest({ query: OpenApiUtil.query({ ...parameters }) })
    // The client's own class for this belongs to a package that it depends on; it reads nothing of it by default.
    const { body } = await client.callApi(params, request, {} as Parameters<typeof client.callApi>[2])
    return body as Answer
  }
}

function wholeOf<T>({ default: whole }: { readonly default: unknown }): T {
  return whole as T
}

/** Node.js has a package's own default one level deeper. */
function constructorOf<T>(module: T | { readonly default: T }): T {
  return typeof module === 'object' && module !== null && 'default' in module ? module.default : (module as T)
}

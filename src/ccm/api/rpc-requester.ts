import { agentTrusting } from '../../base/trusting-agent.ts'
import type { Answer } from './cloud-api.ts'

/** Asks one product for an action. @throws the client's own error, with the body of a refusal as `data` */
export type Requester = (action: string, parameters: Readonly<Record<string, unknown>>) => Promise<Answer>

/** A product, and who asks. */
export interface RequesterOptions {
  /** `https://slb.cn-hangzhou.aliyuncs.com` */
  readonly endpoint: string
  /** `2014-05-15` */
  readonly version: string
  readonly accessKeyId: string
  readonly accessKeySecret: string
  readonly securityToken?: string
  readonly clusterId: string
  /** PEM of whoever signed the endpoint's certificate. @default those that Node.js knows */
  readonly caPem?: string
}

/** For a call from start to end, in milliseconds. */
export const REQUEST_TIMEOUT_MS = 20_000

/** Asks by RPC signature, with `@alicloud/pop-core`. */
export async function rpcRequester(options: RequesterOptions): Promise<Requester> {
  const { default: Client } = await import('@alicloud/pop-core')
  const { endpoint, version, accessKeyId, accessKeySecret, securityToken, caPem } = options
  const client = new Client({
    ...(caPem === undefined ? {} : { opts: { agent: await agentTrusting(caPem) } }),
    endpoint,
    apiVersion: version,
    accessKeyId,
    accessKeySecret,
    ...(securityToken === undefined ? {} : { securityToken }),
  })
  return (action, parameters) => {
    const headers = { 'x-acs-action': action, 'x-acs-version': version, 'user-agent': userAgent(options) }
    return client.request<Answer>(action, { ...parameters }, { method: 'POST', timeout: REQUEST_TIMEOUT_MS, headers })
  }
}

export function userAgent({ clusterId }: Pick<RequesterOptions, 'clusterId'>): string {
  return `fairlead-ccm ClusterId/${clusterId}`
}

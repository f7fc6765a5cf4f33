import { serviceData } from './encoding.ts'
import type { Frontend, PortPlan } from './service-plan.ts'

/** Where a Service port's endpoints are. */
export interface PortAddress {
  readonly number: number
  readonly clusterClass: number
  readonly localClass: number
}

/** Values of a frontend in the maps it belongs to. */
export interface FrontendElements {
  readonly cluster?: string
  readonly external?: string
  readonly local?: string
  readonly short?: string
}

/** Which maps hold a frontend, and what they say: the model's treatments in the table's terms. */
export function frontendElements({ source, policy }: Frontend, port: PortAddress): FrontendElements {
  const everywhere = serviceData(port.clusterClass, port.number)
  const here = serviceData(port.localClass, port.number)
  if (source === 'ClusterIP') return { cluster: policy === 'Local' ? here : everywhere }
  return policy === 'Local' ? { local: here, short: everywhere } : { external: everywhere }
}

/** Longest comment of an element; the kernel would keep a longer one cut, and it would never be equal again. */
const MAX_COMMENT = 127

/** What `nft list` shows beside a frontend: `default/web:http ClusterIP`. */
export function commentOf({ namespace, service, name }: PortPlan, { source }: Frontend): string {
  return `${namespace}/${service}${name === '' ? '' : `:${name}`} ${source}`.slice(0, MAX_COMMENT)
}

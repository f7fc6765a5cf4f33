import type { SubresourceHandler } from '../subresources/subresource.ts'
import type { NodeAccessOptions } from './cluster-network.ts'
import { KubeletClient } from './kubelet-client.ts'
import { logHandler } from './log.ts'
import { nodeProxyHandler, podProxyHandler, serviceProxyHandler } from './proxy.ts'
import { attachHandler, execHandler, portForwardHandler } from './streams.ts'

/** The subresources that lead to nodes and pods, for `startApiServer`. */
export function nodeAccessSubresources(options: NodeAccessOptions): ReadonlyMap<string, SubresourceHandler> {
  const kubelets = new KubeletClient(options)
  return new Map([
    ['pods/log', logHandler(kubelets)],
    ['pods/exec', execHandler(kubelets)],
    ['pods/attach', attachHandler(kubelets)],
    ['pods/portforward', portForwardHandler(kubelets)],
    ['pods/proxy', podProxyHandler(options.connect)],
    ['services/proxy', serviceProxyHandler(options.connect)],
    ['nodes/proxy', nodeProxyHandler(kubelets, options.connect)],
  ])
}

/** Services and EndpointSlices with this label belong to another proxy than the node's own. */
export const SERVICE_PROXY_NAME = 'service.kubernetes.io/service-proxy-name'

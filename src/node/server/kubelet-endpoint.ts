/** Where and for whom a node's server is there: what the node, the API server and the cluster's certificates agree on. */

/** As every kubelet's. */
export const KUBELET_PORT = 10_250

/** Common name of the API server towards kubelets, which let nobody else in; as kubeadm has it. */
export const KUBELET_CLIENT = 'kube-apiserver-kubelet-client'

/** Of `/healthz`, within the node. */
export const HEALTH_PORT = 10_248

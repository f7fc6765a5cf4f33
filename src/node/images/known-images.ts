import type { ImageReference } from './image-reference.ts'

/**
 * Images that examples all over use as "some server". Pulling is out of reach, so the echo server answers in their
 * place, on the ports that the container declares, or else on the port that the image is known for.
 */
const KNOWN_SERVERS: Readonly<Record<string, number>> = {
  'docker.io/library/nginx': 80,
  'docker.io/nginxinc/nginx-unprivileged': 8080,
  'docker.io/nginxdemos/hello': 80,
  'docker.io/library/httpd': 80,
  'docker.io/library/caddy': 80,
  'docker.io/library/tomcat': 8080,
  'docker.io/traefik/whoami': 80,
  'docker.io/containous/whoami': 80,
  'docker.io/hashicorp/http-echo': 5678,
  'docker.io/ealen/echo-server': 80,
  'docker.io/kennethreitz/httpbin': 80,
  'docker.io/jmalloc/echo-server': 8080,
  'docker.io/paulbouwer/hello-kubernetes': 8080,
  'gcr.io/google-samples/hello-app': 8080,
  'gcr.io/google-samples/node-hello': 8080,
  'registry.k8s.io/echoserver': 8080,
  'registry.k8s.io/e2e-test-images/echoserver': 8080,
  'registry.k8s.io/e2e-test-images/httpd': 80,
  'registry.k8s.io/e2e-test-images/kitten': 80,
  'registry.k8s.io/e2e-test-images/nautilus': 80,
  'registry.k8s.io/e2e-test-images/nginx': 80,
  'registry.k8s.io/serve_hostname': 9376,
}

/** Images that examples use as "some shell": their command runs on the view of the machine's own programs. */
const KNOWN_SHELLS: ReadonlySet<string> = new Set([
  'docker.io/library/busybox',
  'docker.io/library/alpine',
  'docker.io/library/debian',
  'docker.io/library/ubuntu',
  'docker.io/curlimages/curl',
  'docker.io/nicolaka/netshoot',
  'registry.k8s.io/e2e-test-images/busybox',
  'registry.k8s.io/e2e-test-images/jessie-dnsutils',
  'registry.k8s.io/e2e-test-images/nonroot',
])

/** Images with a program of their own in their place. */
const KNOWN_PROGRAMS: Readonly<Record<string, 'agnhost' | 'pause'>> = {
  'registry.k8s.io/e2e-test-images/agnhost': 'agnhost',
  'registry.k8s.io/pause': 'pause',
}

/** Where Kubernetes' images were before registry.k8s.io, the longer names first. */
const FORMER_NAMES = [
  ['gcr.io/kubernetes-e2e-test-images/', 'registry.k8s.io/e2e-test-images/'],
  ['gcr.io/google_containers/', 'registry.k8s.io/'],
  ['k8s.gcr.io/', 'registry.k8s.io/'],
] as const

export type KnownImage =
  | { readonly kind: 'server'; readonly port: number }
  | { readonly kind: 'shell' | 'agnhost' | 'pause' }

/** What stands in for a well-known image; `undefined` for one that nobody knows. */
export function knownImage({ registry, repository }: ImageReference): KnownImage | undefined {
  const name = presentName(`${registry}/${repository}`)
  const port = KNOWN_SERVERS[name]
  if (port !== undefined) return { kind: 'server', port }
  const program = KNOWN_PROGRAMS[name]
  if (program !== undefined) return { kind: program }
  return KNOWN_SHELLS.has(name) ? { kind: 'shell' } : undefined
}

function presentName(name: string): string {
  const former = FORMER_NAMES.find(([prefix]) => name.startsWith(prefix))
  return former === undefined ? name : former[1] + name.slice(former[0].length)
}

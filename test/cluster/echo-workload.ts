import type { Client } from '../../src/kube/client.ts'
import { deployments, endpointSlices, pods, services } from '../../src/kube/resource.ts'
import type { Pod, Service } from '../../src/kube/types/core.ts'
import { seen } from './watch.ts'

export const HTTP_PORT = 8080
export const ECHO_PORT = 7000

const container = {
  name: 'echo',
  image: 'fairlead/echo',
  ports: [
    { name: 'http', containerPort: HTTP_PORT },
    { name: 'tcp-echo', containerPort: ECHO_PORT },
  ],
  // Without it a pod is ready before its program listens, and its first connections are refused.
  readinessProbe: { tcpSocket: { port: 'tcp-echo' }, periodSeconds: 1 },
}

/** A Service `name` with as many echo pods, which answer HTTP and keep TCP connections. */
export async function applyEcho(client: Client, name: string, replicas: number): Promise<Service> {
  await client.create(deployments, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'default' },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      // Who is told to end while it still starts does not hear it, as first process of its namespace, and is waited for.
      template: {
        metadata: { labels: { app: name } },
        spec: { terminationGracePeriodSeconds: 1, containers: [container] },
      },
    },
  })
  const service = await createEchoService(client, name, name)
  await endpointsReady(client, name, replicas)
  return service
}

/** One more Service for the pods of `app`. */
export function createEchoService(client: Client, name: string, app: string): Promise<Service> {
  return client.create(services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: {
      selector: { app },
      ports: [
        { name: 'http', port: 80, targetPort: 'http' },
        { name: 'tcp-echo', port: ECHO_PORT, targetPort: 'tcp-echo' },
      ],
    },
  })
}

/** A pod of its own on a given node. */
export async function runPod(client: Client, name: string, nodeName: string): Promise<Pod> {
  await client.create(pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels: { app: name } },
    spec: { nodeName, terminationGracePeriodSeconds: 0, containers: [container] },
  })
  return seen(client, pods, (all) => all.find((pod) => pod.metadata.name === name && isReady(pod)))
}

export function endpointsReady(client: Client, service: string, count: number): Promise<true> {
  return seen(client, endpointSlices, (all) => {
    const ready = all
      .filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === service)
      .flatMap((slice) => slice.endpoints ?? [])
      .filter((endpoint) => endpoint.conditions?.ready !== false)
    return ready.length === count ? true : undefined
  })
}

export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false
}

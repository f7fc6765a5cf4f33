/**
 * What the proxy keeps of the objects it watches: at ten thousand Services the rest (owners, managers of fields, pods'
 * uids) takes more memory than all that it needs.
 */
import { SERVICE_NAME_LABEL } from '../kube/endpoint-slice.ts'
import { SERVICE_PROXY_NAME } from '../kube/service-proxy-name.ts'
import type { Service } from '../kube/types/core.ts'
import type { Endpoint, EndpointSlice } from '../kube/types/discovery.ts'
import type { ObjectMeta } from '../kube/types/meta.ts'
import { HEADLESS } from './plan-service.ts'

/** Annotations that mean something to a proxy, by the beginning of their names. */
const ANNOTATIONS = /^(fairlead\.dev\/|service\.kubernetes\.io\/|endpoints\.kubernetes\.io\/last-change-trigger-time$)/
const LABELS: readonly string[] = [SERVICE_NAME_LABEL, SERVICE_PROXY_NAME, HEADLESS]
/** Texts that many objects share; when so many are different, they are not worth it. */
const MOST_TEXTS = 10_000

/** Keeps one copy of texts and small values that come again and again. */
export class KeptFields {
  readonly #texts = new Map<string, string>()
  readonly #values = new Map<string, unknown>()

  service = (service: Service): Service => {
    const { apiVersion, kind, metadata, spec, status } = service
    const { selector: _, ...kept } = spec
    const { ipFamilies, ipFamilyPolicy, clusterIP, clusterIPs, ports } = spec
    const ingress = status?.loadBalancer?.ingress
    return {
      // Not spread from one of both: each object would have a hidden class of its own.
      apiVersion: this.#text(apiVersion),
      kind: this.#text(kind),
      metadata: this.#metadata(metadata),
      spec: {
        ...kept,
        ...(ipFamilies === undefined ? {} : { ipFamilies: this.#shared(ipFamilies) }),
        ...(ipFamilyPolicy === undefined ? {} : { ipFamilyPolicy: this.#text(ipFamilyPolicy) }),
        // Of ports with node ports there are no two alike.
        ...(ports === undefined || ports.some(({ nodePort }) => nodePort) ? {} : { ports: this.#shared(ports) }),
        ...(clusterIP !== undefined && clusterIPs?.length === 1 && clusterIP === clusterIPs[0]
          ? { clusterIPs: [clusterIP] }
          : {}),
      },
      ...(ingress === undefined || ingress.length === 0 ? {} : { status: { loadBalancer: { ingress } } }),
    }
  }

  slice = ({ apiVersion, kind, metadata, addressType, ports, endpoints }: EndpointSlice): EndpointSlice => ({
    apiVersion: this.#text(apiVersion),
    kind: this.#text(kind),
    metadata: this.#metadata(metadata),
    addressType: this.#text(addressType),
    ports: this.#shared(ports ?? null),
    endpoints: endpoints?.map((endpoint) => this.#endpoint(endpoint)) ?? null,
  })

  #endpoint({ addresses, conditions, nodeName, zone, hints, targetRef }: Endpoint): Endpoint {
    return {
      addresses: addresses.length > 1 ? addresses.slice(0, 1) : addresses,
      ...(conditions === undefined ? {} : { conditions: this.#shared(conditions) }),
      ...(nodeName === undefined ? {} : { nodeName: this.#text(nodeName) }),
      ...(zone === undefined ? {} : { zone: this.#text(zone) }),
      ...(hints === undefined ? {} : { hints: this.#shared(hints) }),
      // Weights are given by the names of pods.
      ...(targetRef?.name === undefined ? {} : { targetRef: { name: targetRef.name } }),
    }
  }

  #metadata(metadata: ObjectMeta): ObjectMeta {
    const { name, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp, labels, annotations } =
      metadata
    const keptLabels = only(labels, (label) => LABELS.includes(label))
    const keptAnnotations = only(annotations, (annotation) => ANNOTATIONS.test(annotation))
    return {
      name,
      ...(namespace === undefined ? {} : { namespace: this.#text(namespace) }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(creationTimestamp === undefined ? {} : { creationTimestamp: this.#text(creationTimestamp) }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
      ...(keptLabels === undefined ? {} : { labels: keptLabels }),
      ...(keptAnnotations === undefined ? {} : { annotations: keptAnnotations }),
    }
  }

  #text<T extends string>(text: T): T {
    const known = this.#texts.get(text)
    if (known !== undefined) return known as T
    if (this.#texts.size < MOST_TEXTS) this.#texts.set(text, text)
    return text
  }

  /** The same object for the same content. */
  #shared<T>(value: T): T {
    const text = JSON.stringify(value)
    const known = this.#values.get(text)
    if (known !== undefined) return known as T
    if (this.#values.size < MOST_TEXTS) this.#values.set(text, value)
    return value
  }
}

function only(
  fields: Readonly<Record<string, string>> | undefined,
  isKept: (name: string) => boolean,
): Record<string, string> | undefined {
  const kept = Object.entries(fields ?? {}).filter(([name]) => isKept(name))
  return kept.length === 0 ? undefined : Object.fromEntries(kept)
}

import { DEFAULT_CLASS } from '../kube/kinds/ingress-class.ts'
import { ingressClasses } from '../kube/resource.ts'
import type { Ingress, IngressClass } from '../kube/types/networking.ts'
import type { Store } from '../store/store.ts'
import { decodedObject } from './decoded.ts'
import { objectPrefix } from './object-key.ts'
import type { WriteHook } from './write-hook.ts'

const CLASS_ANNOTATION = 'kubernetes.io/ingress.class'

/** Gives a new Ingress without a class the default one, the newest where there are several (upstream DefaultIngressClass). */
export function ingressClassHook(store: Pick<Store, 'list'>): WriteHook {
  return ({ operation, object }) => {
    const ingress = object as unknown as Ingress
    const chosen =
      ingress.spec.ingressClassName !== undefined || ingress.metadata.annotations?.[CLASS_ANNOTATION] !== undefined
    const name = operation === 'create' && !chosen ? defaultClass(store) : undefined
    const draft = name === undefined ? object : { ...object, spec: { ...ingress.spec, ingressClassName: name } }
    return { kind: 'plan', draft, compares: [], operations: [] }
  }
}

function defaultClass(store: Pick<Store, 'list'>): string | undefined {
  const classes = store.list(objectPrefix(ingressClasses)).entries.map((entry) => decodedObject(entry) as IngressClass)
  const defaults = classes.filter(({ metadata }) => metadata.annotations?.[DEFAULT_CLASS] === 'true')
  const [newest] = defaults.sort(
    (a, b) =>
      (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? '') ||
      a.metadata.name.localeCompare(b.metadata.name),
  )
  return newest?.metadata.name
}

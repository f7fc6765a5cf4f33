/** Who asks: the classes of clients that the document tells apart, and those that it forgets. */

export interface ClientClass {
  readonly id: ClientId
  readonly text: string
  /** Whether a pod of the Service is on its node; left out for who is on no node. */
  readonly besideBackend?: boolean
  readonly isNode?: boolean
}

export type ClientId = 'backend-pod' | 'pod-beside' | 'pod-elsewhere' | 'node-beside' | 'node-elsewhere' | 'internet'

export const INSIDE = [
  { id: 'backend-pod', text: 'pod of the Service itself', besideBackend: true },
  { id: 'pod-beside', text: 'pod on a node with a pod of the Service', besideBackend: true },
  { id: 'pod-elsewhere', text: 'pod on another node', besideBackend: false },
  { id: 'node-beside', text: 'node with a pod of the Service', besideBackend: true, isNode: true },
  { id: 'node-elsewhere', text: 'node without one', besideBackend: false, isNode: true },
] as const satisfies readonly ClientClass[]

export const INTERNET = { id: 'internet', text: 'internet' } as const satisfies ClientClass

export const CLIENTS: readonly ClientClass[] = [...INSIDE, INTERNET]

import type { Service } from '../../kube/types/core.ts'

/** The Service that an address or a port belongs to. */
export interface ServiceOwner {
  readonly namespace: string
  readonly name: string
}

export function ownerOf({ metadata }: Service): ServiceOwner {
  return { namespace: metadata.namespace ?? '', name: metadata.name }
}

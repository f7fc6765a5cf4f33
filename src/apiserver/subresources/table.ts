import { handleBinding } from './binding.ts'
import { handleEphemeralContainers } from './ephemeral-containers.ts'
import { handleEviction } from './eviction.ts'
import { handleFinalize } from './finalize.ts'
import { handleScale } from './scale.ts'
import { handleStatus } from './status.ts'
import type { SubresourceHandler } from './subresource.ts'

/** Subresources that need nothing but the store. */
export const SUBRESOURCES: ReadonlyMap<string, SubresourceHandler> = new Map([
  ['status', handleStatus],
  ['scale', handleScale],
  ['pods/binding', handleBinding],
  ['pods/eviction', handleEviction],
  ['pods/ephemeralcontainers', handleEphemeralContainers],
  ['namespaces/finalize', handleFinalize],
])

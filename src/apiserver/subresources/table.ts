import { handleBinding } from './binding.ts'
import { handleEviction } from './eviction.ts'
import { handleFinalize } from './finalize.ts'
import { handlePart } from './part.ts'
import { handleScale } from './scale.ts'
import type { SubresourceHandler } from './subresource.ts'

/** Subresources that need nothing but the store. */
export const SUBRESOURCES: ReadonlyMap<string, SubresourceHandler> = new Map([
  ['status', handlePart('status')],
  ['scale', handleScale],
  ['pods/binding', handleBinding],
  ['pods/eviction', handleEviction],
  ['pods/ephemeralcontainers', handlePart('ephemeralcontainers')],
  ['pods/resize', handlePart('resize')],
  ['namespaces/finalize', handleFinalize],
])

import type { Findings } from '../../validation/findings.ts'
import { labelProblems, subdomainProblems } from '../../validation/names.ts'

/** A device that a pod asks for (KEP-4381). */
export interface PodResourceClaim {
  readonly name?: string
  readonly resourceClaimName?: string
  readonly resourceClaimTemplateName?: string
}

/** A container's part in one of its pod's claims. */
export interface ResourceClaim {
  readonly name?: string
  readonly request?: string
}

/** Rules of what devices a pod claims (upstream `validatePodResourceClaims`). */
export function checkPodClaims(claims: readonly PodResourceClaim[] | undefined, found: Findings): void {
  const names = new Set<string>()
  found.each(claims, 'resourceClaims', (claim) => {
    const { name = '' } = claim
    if (name === '') found.required('name')
    else if (names.has(name)) found.duplicate('name', name)
    else found.problems('name', name, labelProblems(name))
    names.add(name)
    checkSource(claim, found)
  })
}

function checkSource(claim: PodResourceClaim, found: Findings): void {
  const { resourceClaimName: named, resourceClaimTemplateName: template } = claim
  if (named !== undefined && template !== undefined) {
    const text = 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified'
    found.invalid('', claim, text)
  }
  if (named === undefined && template === undefined) {
    found.invalid('', claim, 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`')
  }
  if (named !== undefined) found.problems('resourceClaimName', named, subdomainProblems(named))
  if (template !== undefined) found.problems('resourceClaimTemplateName', template, subdomainProblems(template))
}

/** Rules of the claims of a container (upstream `validateResourceClaimNames`). */
export function checkClaims(
  claims: readonly ResourceClaim[] | undefined,
  podClaims: readonly PodResourceClaim[] | undefined,
  found: Findings,
): void {
  const taken = new Set<string>()
  found.each(claims, 'claims', ({ name = '', request = '' }) => {
    if (name === '') return found.required('')
    checkTaken(name, request, { taken, found })
    const names = (podClaims ?? []).flatMap((claim) => claim.name || []).sort()
    if (names.includes(name)) return
    const which = names.length === 0 ? ' which is empty' : `: ${names.join(', ')}`
    found.notFound('', name, `must be one of the names in pod.spec.resourceClaims${which}`)
  })
}

interface Around {
  readonly taken: Set<string>
  readonly found: Findings
}

/** Who has a whole claim has each of its requests. */
function checkTaken(name: string, request: string, { taken, found }: Around): void {
  if (taken.has(name)) {
    found.duplicate('', name)
    return
  }
  const key = request === '' ? name : `${name}/${request}`
  if (request !== '') found.problems('request', request, labelProblems(request))
  if (taken.has(key)) found.duplicate('', key)
  else if (request === '') {
    for (const each of taken) if (each.startsWith(`${name}/`)) found.duplicate('', name)
  }
  taken.add(key)
}

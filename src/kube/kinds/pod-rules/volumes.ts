import type { PodSpec } from '../../types/core.ts'
import type { Findings } from '../../validation/findings.ts'
import { labelProblems, subdomainProblems } from '../../validation/names.ts'
import { SOURCE_RULES, type Source } from './volume-sources.ts'

type Volumes = NonNullable<PodSpec['volumes']>
type Volume = Volumes[number]

/** The volumes that containers can mount, by name: those in which nothing is wrong. */
export type KnownVolumes = ReadonlyMap<string, Volume>

const NONE: KnownVolumes = new Map()

/**
 * Rules of a pod's volumes (upstream `ValidateVolumes`).
 *
 * @param podName Of a pod itself; claims are made in its name.
 */
export function checkVolumes(volumes: Volumes | undefined, podName: string | undefined, found: Findings): KnownVolumes {
  if (volumes === undefined || volumes.length === 0) return NONE
  const known = new Map<string, Volume>()
  found.each(volumes, 'volumes', (volume) => {
    const before = found.count
    checkSources(volume, podName, found)
    if (!volume.name) found.required('name')
    else found.problems('name', volume.name, labelProblems(volume.name))
    if (known.has(volume.name)) found.duplicate('name', volume.name)
    if (found.count === before) known.set(volume.name, volume)
    checkClaimName(volume, volumes, { podName, found })
  })
  return known
}

function checkSources(volume: Volume, podName: string | undefined, found: Findings): void {
  let taken = false
  for (const { field, at, surplus, check } of SOURCE_RULES) {
    const source = volume[field] as Source | undefined
    if (source === undefined) continue
    if (taken) found.forbidden(surplus ?? field, 'may not specify more than 1 volume type')
    else {
      found.within(source, at ?? field, () => check(source, found, podName !== undefined))
      if (field === 'iscsi') checkPortal(volume.name, source, found)
      if (field === 'ephemeral') checkMadeName(volume.name, podName, found)
    }
    taken = true
  }
  if (!taken) found.required('', 'must specify a volume type')
}

/** The two make one name, which initiators cut off. */
function checkPortal(name: string, { initiatorName, targetPortal = '' }: Source, found: Findings): void {
  if (initiatorName === undefined || `${name}:${targetPortal}`.length <= 64) return
  const limit = 'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters'
  found.invalid('name', name, `${limit} if iscsi.initiatorName is specified.`)
}

function checkMadeName(volume: string, pod: string | undefined, found: Findings): void {
  if (!pod || !volume) return
  const claim = `${pod}-${volume}`
  for (const text of subdomainProblems(claim)) {
    found.invalid('name', volume, `PVC name ${JSON.stringify(claim)}: ${text}`)
  }
}

interface Around {
  readonly podName: string | undefined
  readonly found: Findings
}

function checkClaimName(volume: Volume, volumes: Volumes, { podName, found }: Around): void {
  const claim = (volume.persistentVolumeClaim as { readonly claimName?: string } | undefined)?.claimName
  if (claim === undefined || !podName) return
  if (!volumes.some((each) => each.ephemeral !== undefined && `${podName}-${each.name}` === claim)) return
  const text = 'must not reference a PVC that gets created for an ephemeral volume'
  found.invalid('persistentVolumeClaim.claimName', claim, text)
}
